//! The business transaction.

use std::sync::Arc;

use choreography_core::{
    routes::Routed,
    store::{Found, StoreError, Transaction, Wanted, Writing, Written},
};
use chrono::{DateTime, Utc};

use super::{
    Session,
    error::store_error,
    lock,
    optimism::{self, SeenRows},
    pool::{Lent, PING_LIMIT},
    row_reader, write,
};

/// One open transaction (READ COMMITTED, PostgreSQL's default).
pub struct PgTransaction {
    tx: Session,
    participant: Arc<Routed>,
    ranges: i32,
    now: DateTime<Utc>,
    /// What an optimistic one has read so far.
    seen: Option<Vec<SeenRows>>,
    /// Whether the connection answered a moment ago.
    answered: bool,
}

impl PgTransaction {
    pub(super) fn new(tx: Session, participant: Arc<Routed>, ranges: i32, now: DateTime<Utc>) -> Self {
        Self { tx, participant, ranges, now, seen: None, answered: true }
    }

    pub(super) fn optimistic(lent: Lent, participant: Arc<Routed>, ranges: i32) -> Self {
        let Lent { session: tx, now, answered } = lent;
        Self { tx, participant, ranges, now, seen: Some(Vec::new()), answered }
    }
}

impl Transaction<Routed> for PgTransaction {
    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    async fn lock(&mut self, wanted: &Wanted<Routed>) -> Result<Found<Routed>, StoreError> {
        let Some(seen) = &mut self.seen else {
            return row_reader::guarded(lock::lock(&mut self.tx, &self.participant, wanted)).await.map_err(store_error);
        };
        let reading = optimism::read(&mut self.tx, &self.participant, wanted, seen);
        let (now, found) = row_reader::guarded(reading).await.map_err(store_error)?;
        (self.now, self.answered) = (now, true);
        Ok(found)
    }

    async fn write(&mut self, writing: &Writing<Routed>) -> Result<Written, StoreError> {
        if !self.answered && self.tx.ping(PING_LIMIT).await.is_err() {
            // If the write itself found that out, it would not be known whether it was done.
            return Err(StoreError::Contention("the connection is gone".into()));
        }
        write::write(&mut self.tx, &self.participant, self.ranges, writing, self.seen.as_deref()).await
    }

    async fn roll_back(mut self) {
        if self.seen.is_some() {
            return;
        }
        self.tx.roll_back().await;
    }

    async fn commit(self) -> Result<(), StoreError> {
        if self.seen.is_some() {
            return Ok(());
        }
        // Whatever goes wrong here leaves open whether the commit happened.
        self.tx.commit().await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

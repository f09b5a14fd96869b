//! The business transaction.

use std::sync::Arc;

use choreography_core::{
    routes::Routed,
    store::{Found, StoreError, Transaction, Wanted, Writing, Written},
};
use chrono::{DateTime, Utc};

use super::{Session, error::store_error, lock, row_reader, write};

/// One open transaction (READ COMMITTED, PostgreSQL's default).
pub struct PgTransaction {
    tx: Session,
    participant: Arc<Routed>,
    ranges: i32,
    now: DateTime<Utc>,
}

impl PgTransaction {
    pub(super) fn new(tx: Session, participant: Arc<Routed>, ranges: i32, now: DateTime<Utc>) -> Self {
        Self { tx, participant, ranges, now }
    }
}

impl Transaction<Routed> for PgTransaction {
    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    async fn lock(&mut self, wanted: &Wanted<Routed>) -> Result<Found<Routed>, StoreError> {
        row_reader::guarded(lock::lock(&mut self.tx, &self.participant, wanted)).await.map_err(store_error)
    }

    async fn write(&mut self, writing: &Writing<Routed>) -> Result<Written, StoreError> {
        write::write(&mut self.tx, &self.participant, self.ranges, writing).await
    }

    async fn roll_back(mut self) {
        self.tx.roll_back().await;
    }

    async fn commit(self) -> Result<(), StoreError> {
        // Whatever goes wrong here leaves open whether the commit happened.
        self.tx.commit().await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

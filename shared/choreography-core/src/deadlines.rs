//! Deadlines: rows with a due time, told to the rules once, by the database's clock, across restarts.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::error;
use uuid::Uuid;

use crate::{
    input::{Inbound, Input, Origin},
    participant::{Participant, Trigger},
    store::{Deadline, StoreError},
};

/// Deadlines as the step needs them.
pub trait DeadlineStore: Send + Sync + 'static {
    /// The first `limit` deadlines that are due and that no transaction holds locked, and the moment at which the next one
    /// will be.
    fn due(&self, limit: usize) -> impl Future<Output = Result<Due, StoreError>> + Send;
    /// Has deadlines wait that could not be handled; counts the attempt and keeps the reason.
    fn postpone(&self, deadlines: &[Postponed]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A deadline that waits for another try.
#[derive(Clone, Debug, PartialEq)]
pub struct Postponed {
    /// Its id.
    pub id: Uuid,
    /// How long it waits.
    pub wait: TimeDelta,
    /// What went wrong.
    pub why: String,
}

/// Deadlines by the database's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// Deadlines that are due, oldest first.
    pub due: Vec<Deadline>,
    /// Deadlines that are due and whose rows this version can't read, with the reason.
    pub unreadable: Vec<(Uuid, String)>,
    /// The earliest that is not due yet.
    pub next: Option<DateTime<Utc>>,
}

/// Looks for deadlines that are due. Two replicas may find the same one: it is taken under the aggregate's lock, once. Rows that this
/// version can't read are postponed, by `wait`, with the reason.
///
/// # Errors
/// The database's.
pub async fn look<S: DeadlineStore>(store: &S, limit: usize, wait: TimeDelta) -> Result<Due, StoreError> {
    let found = store.due(limit).await?;
    postpone_unreadable(store, &found, wait).await?;
    Ok(found)
}

async fn postpone_unreadable<S: DeadlineStore>(store: &S, found: &Due, wait: TimeDelta) -> Result<(), StoreError> {
    if found.unreadable.is_empty() {
        return Ok(());
    }
    for (id, why) in &found.unreadable {
        error!(%id, why, "the row of a deadline can't be read; it is postponed: see deadlines.last_error");
    }
    let postponed = found.unreadable.iter().map(|(id, why)| Postponed { id: *id, wait, why: why.clone() });
    store.postpone(&postponed.collect::<Vec<_>>()).await
}

/// A deadline that has come due, as an input for the rules.
pub fn input<P: Participant>(deadline: Deadline) -> Inbound<P> {
    Inbound::Input(Input {
        trigger: Trigger::Deadline { aggregate_id: deadline.aggregate_id.clone(), name: deadline.name.clone() },
        correlation_id: Some(deadline.correlation_id.clone()),
        trace: deadline.trace.clone(),
        origin: Origin::Deadline(deadline),
    })
}

//! Deferred events on their way back: due for another try, next behind one that is done with, or redriven by an operator.

use std::future::Future;

use chrono::TimeDelta;
use tracing::error;

use crate::{
    event_id::IdSource,
    handler::{Handler, Progress},
    input::{DeferredEvent, Inbound, Unread},
    participant::Participant,
    reception,
    store::{Database, Failure, StoreError},
};

/// Deferred events as the step needs them.
pub trait DeferredStore: Send + Sync + 'static {
    /// Takes the deferred events that are next, for the time of `lease`: the first of their key, or compensations with no
    /// other compensation (but a parked one) before them; queued, or retrying and due. Each first of its key comes
    /// with those behind it, in number order, up to the next that is parked or not due.
    fn claim(&self, limits: Limits, lease: TimeDelta) -> impl Future<Output = Result<Claimed, StoreError>> + Send;
    /// The deferred event `number` and those of its aggregate behind it, in number order, at most `limits.per_key` of
    /// them.
    fn queue_from(&self, number: i64, limits: Limits) -> impl Future<Output = Result<Claimed, StoreError>> + Send;
    /// Parks deferred events whose rows can't be read, with the reason. Their keys wait.
    fn park_unreadable(&self, rows: &[UnreadableRow]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Aggregates.
    pub keys: usize,
    /// Events of one aggregate.
    pub per_key: usize,
    /// Payloads and headers, in bytes. One event may be larger: then it comes alone.
    pub bytes: usize,
}

/// Deferred events to try, in number order.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// In the order in which they are to be tried.
    pub events: Vec<DeferredEvent>,
    /// What this version can't read.
    pub unreadable: Vec<UnreadableRow>,
}

/// The row of a deferred event that this version can't read.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadableRow {
    /// Its number in its table.
    pub number: i64,
    /// What went wrong.
    pub why: String,
}

/// How long a claim keeps other replicas away: longer than a transaction that waits for a lock takes.
const LEASE: TimeDelta = TimeDelta::seconds(15);

/// Tries the deferred events again that are next, each followed by its queue. `guarded`: the last run of this process
/// crashed.
pub async fn step<P: Participant, D: Database<P>, S: DeferredStore>(
    handler: &Handler<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    limits: Limits,
    guarded: bool,
) -> Result<Progress<P::Reply>, StoreError> {
    let claimed = store.claim(limits, LEASE).await?;
    handle(handler, store, ids, claimed, guarded).await
}

/// Runs a parked event, and then what queues behind it, through the same handler; the first verdict is its own. `None`: no
/// such event is deferred.
pub async fn redrive<P: Participant, D: Database<P>, S: DeferredStore>(
    handler: &Handler<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    number: i64,
    limits: Limits,
) -> Result<Option<Result<Progress<P::Reply>, Failure>>, StoreError> {
    let mut queue = store.queue_from(number, limits).await?;
    if let Some(row) = queue.unreadable.iter().find(|row| row.number == number) {
        return Ok(Some(Err(Failure { class: "unreadable", message: row.why.clone() })));
    }
    match queue.events.first_mut() {
        Some(first) if first.number == number => first.redrive = true,
        _ => return Ok(None),
    }
    // That this version can't read an event is no failed attempt.
    if let Some(Err(failure)) =
        queue.events.first().map(|deferred| reception::check(&*handler.participant, &deferred.event))
    {
        return Ok(Some(Err(failure)));
    }
    handle(handler, store, ids, queue, false).await.map(|progress| Some(Ok(progress)))
}

async fn handle<P: Participant, D: Database<P>, S: DeferredStore>(
    handler: &Handler<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    claimed: Claimed,
    guarded: bool,
) -> Result<Progress<P::Reply>, StoreError> {
    let Claimed { events, unreadable } = claimed;
    if !unreadable.is_empty() {
        store.park_unreadable(&unreadable).await?;
        for UnreadableRow { number, why } in &unreadable {
            error!(number, why, "the row of a deferred event can't be read; it is parked: see /admin/deferred");
        }
    }
    let mut inbound: Vec<Inbound<P>> =
        events.into_iter().map(|deferred| Inbound::Unread(Unread::Deferred(deferred))).collect();
    let mut progress = Progress::new(inbound.len());
    if guarded {
        handler.handle_guarded(ids, &mut inbound, &mut progress).await?;
    } else {
        handler.handle_isolating(ids, &mut inbound, &mut progress).await?;
    }
    Ok(progress)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;

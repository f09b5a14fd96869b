//! Held events on their way back: due for another try, next behind one that is done with, or redriven by somebody.

use std::future::Future;

use crate::{
    door::{Door, Progress},
    event_id::IdSource,
    input::{HeldEvent, Verdict, Work},
    participant::Participant,
    reception,
    store::{Database, Failure, StoreError},
};

/// Held events as the step needs them.
pub trait HeldStore: Send + Sync + 'static {
    /// The events of up to `keys` aggregates whose first held event is due (or merely queued), in number order per
    /// aggregate, each aggregate's up to its first parked one, at most `per_key` of it.
    fn due(&self, keys: usize, per_key: usize) -> impl Future<Output = Result<Vec<HeldEvent>, StoreError>> + Send;
    /// The held event `number` and those of its aggregate behind it, in number order, at most `limit`.
    fn queue_from(&self, number: i64, limit: usize) -> impl Future<Output = Result<Vec<HeldEvent>, StoreError>> + Send;
}

/// What a step did.
pub struct Retried<P: Participant> {
    pub progress: Progress<P::Reply>,
    /// Events that were valid once and can't be read now (an older version of this service runs): they stay held.
    pub unreadable: Vec<(i64, Failure)>,
}

/// Tries due events again, each followed by its queue. `careful`: the last run of this process crashed.
pub async fn step<P: Participant, D: Database<P>, S: HeldStore>(
    door: &Door<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    keys: usize,
    per_key: usize,
    careful: bool,
) -> Result<Retried<P>, StoreError> {
    let due = store.due(keys, per_key).await?;
    handle(door, ids, due, careful).await
}

/// Runs a parked event, and then what queues behind it, through the same door. `None`: no such event is held.
pub async fn redrive<P: Participant, D: Database<P>, S: HeldStore>(
    door: &Door<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    number: i64,
    limit: usize,
) -> Result<Option<Result<Verdict<P::Reply>, Failure>>, StoreError> {
    let mut queue = store.queue_from(number, limit).await?;
    match queue.first_mut() {
        Some(first) if first.number == number => first.redrive = true,
        _ => return Ok(None),
    }
    let mut retried = handle(door, ids, queue, false).await?;
    if let Some(at) = retried.unreadable.iter().position(|(unreadable, _)| *unreadable == number) {
        return Ok(Some(Err(retried.unreadable.swap_remove(at).1)));
    }
    Ok(retried.progress.verdicts.into_iter().next().flatten().map(Ok))
}

async fn handle<P: Participant, D: Database<P>>(
    door: &Door<P, D>,
    ids: &mut dyn IdSource,
    events: Vec<HeldEvent>,
    careful: bool,
) -> Result<Retried<P>, StoreError> {
    let mut unreadable = Vec::new();
    let mut work = Vec::with_capacity(events.len());
    for held in events {
        let number = held.number;
        match reception::receive_again(&*door.participant, held) {
            Ok(input) => work.push(Work::Input(input)),
            Err(failure) => unreadable.push((number, failure)),
        }
    }
    let mut progress = Progress::new(work.len());
    if careful {
        door.handle_carefully(ids, &work, &mut progress).await?;
    } else {
        door.handle_isolating(ids, &work, &mut progress).await?;
    }
    Ok(Retried { progress, unreadable })
}

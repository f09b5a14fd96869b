//! Deferred events: which are next, and which wait behind them.

use std::collections::BTreeMap;

use choreography_core::{
    input::DeferredEvent,
    participant::Participant,
    retry::{Claimed, DeferredStore, Limits, UnreadableRow},
    store::{DeferredStatus, StoreError},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Model,
    state::{DeferredRow, State},
};
use crate::core::lock;

type Queues = BTreeMap<String, Vec<DeferredRow>>;

impl<P: Participant> DeferredStore for Model<P> {
    async fn claim(&self, limits: Limits, lease: TimeDelta) -> Result<Claimed, StoreError> {
        let mut tx = self.alone("claim_deferred").await?;
        let now = tx.begun;
        let mut events: Vec<DeferredEvent> = tx.now_step(|state, id| {
            let queues = queues(state.deferred.snapshot(id).map(|(_, row)| row));
            let claimed = claim(state, id, &queues, limits, now, lease);
            let numbers: Vec<i64> = claimed.iter().map(|row| row.event.number).collect();
            let behind = claimed.iter().flat_map(|first| behind(&queues, first, &numbers, limits, now));
            within(claimed.iter(), behind, limits.bytes)
        });
        tx.finish_alone()?;
        events.sort_by_key(|event| event.number);
        Ok(self.read(events))
    }

    async fn queue_from(&self, number: i64, limits: Limits) -> Result<Claimed, StoreError> {
        self.statement("queue_from").await?;
        let queues = queues(lock(&self.state).deferred.committed());
        let queue = queues.values().find(|queue| queue.iter().any(|row| row.event.number == number));
        let behind = queue.into_iter().flatten().filter(|row| row.event.number >= number);
        let events = within([].iter(), behind.take(limits.per_key), limits.bytes);
        Ok(self.read(events))
    }

    async fn park_unreadable(&self, rows: &[UnreadableRow]) -> Result<(), StoreError> {
        let mut tx = self.alone("park_unreadable").await?;
        let now = tx.begun;
        let of = |row: &DeferredRow| {
            row.status != DeferredStatus::Parked && rows.iter().any(|unreadable| unreadable.number == row.event.number)
        };
        for (place, mut row) in tx.take(|state| &mut state.deferred, of, |row| row.event.number).await? {
            row.status = DeferredStatus::Parked;
            row.event.attempts += 1;
            row.failures += 1;
            row.class = Some(UNREADABLE);
            row.event.first_failed_at = row.event.first_failed_at.or(Some(now));
            tx.now_step(|state, _| state.deferred.write(place, Some(row)));
        }
        tx.finish_alone()
    }
}

/// Why a row was parked that could not be read.
pub const UNREADABLE: &str = "unreadable";

impl<P: Participant> Model<P> {
    /// What can be read, and what can't.
    fn read(&self, events: Vec<DeferredEvent>) -> Claimed {
        let scribbled = &lock(&self.state).scribbled;
        let (unreadable, events) = events.into_iter().partition(|event| scribbled.contains(&event.number));
        let unreadable: Vec<DeferredEvent> = unreadable;
        let why = || "scribbled over".to_owned();
        let unreadable = unreadable.iter().map(|event| UnreadableRow { number: event.number, why: why() }).collect();
        Claimed { events, unreadable }
    }
}

/// Per aggregate, its deferred events in number order.
fn queues<'a>(rows: impl Iterator<Item = &'a DeferredRow>) -> Queues {
    let mut queues = Queues::new();
    for row in rows {
        queues.entry(row.event.event.aggregate_id.clone()).or_default().push(row.clone());
    }
    queues.values_mut().for_each(|queue| queue.sort_by_key(|row| row.event.number));
    queues
}

fn is_ready(row: &DeferredRow, now: DateTime<Utc>) -> bool {
    row.status != DeferredStatus::Parked && row.due_at <= now
}

fn is_its_turn(queue: &[DeferredRow], row: &DeferredRow) -> bool {
    let keeps = |before: &DeferredRow| !row.overtakes || (before.overtakes && before.status != DeferredStatus::Parked);
    !queue.iter().take_while(|before| before.event.number < row.event.number).any(keeps)
}

/// FOR UPDATE SKIP LOCKED, and the due time moves on by the lease.
fn claim<P: Participant>(
    state: &mut State<P>,
    tx: u64,
    queues: &Queues,
    limits: Limits,
    now: DateTime<Utc>,
    lease: TimeDelta,
) -> Vec<DeferredRow> {
    let at_turn = |row: &DeferredRow| is_ready(row, now) && is_its_turn(&queues[&row.event.event.aggregate_id], row);
    let found = state.deferred.snapshot(tx).filter(|(_, row)| at_turn(row));
    let mut found: Vec<(DateTime<Utc>, i64, u64)> =
        found.map(|(place, row)| (row.due_at, row.event.number, place)).collect();
    found.sort_unstable();
    let (mut claimed, mut bytes): (Vec<DeferredRow>, usize) = (Vec::new(), 0);
    for (_, _, place) in found {
        if claimed.len() == limits.keys || bytes >= limits.bytes {
            break;
        }
        let Ok(Some(row)) = state.deferred.lock(tx, place) else { continue };
        bytes += size(&row);
        state.deferred.write(place, Some(DeferredRow { due_at: now + lease, ..row.clone() }));
        claimed.push(row);
    }
    claimed
}

/// What follows the first of a key.
fn behind<'a>(
    queues: &'a Queues,
    first: &DeferredRow,
    claimed: &'a [i64],
    limits: Limits,
    now: DateTime<Utc>,
) -> Vec<&'a DeferredRow> {
    let queue = &queues[&first.event.event.aggregate_id];
    if queue.first().map(|row| row.event.number) != Some(first.event.number) {
        return Vec::new();
    }
    let others = queue.iter().skip(1).take_while(|row| is_ready(row, now));
    others.filter(|row| !claimed.contains(&row.event.number)).take(limits.per_key - 1).collect()
}

/// The claimed ones, and of the others what fits, in number order.
fn within<'a>(
    claimed: impl Iterator<Item = &'a DeferredRow>,
    behind: impl Iterator<Item = &'a DeferredRow>,
    most: usize,
) -> Vec<DeferredEvent> {
    let mut events: Vec<DeferredEvent> = Vec::new();
    let mut bytes = 0;
    for row in claimed {
        bytes += size(row);
        events.push(row.event.clone());
    }
    let mut behind: Vec<&DeferredRow> = behind.collect();
    behind.sort_by_key(|row| row.event.number);
    for row in behind {
        if bytes < most {
            events.push(row.event.clone());
        }
        bytes += size(row);
    }
    events
}

/// The payload; of headers the model has few.
fn size(row: &DeferredRow) -> usize {
    row.event.event.delivery.payload.as_deref().map_or(0, <[u8]>::len) + "[]".len()
}

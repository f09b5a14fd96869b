//! A script on the model: it says what PostgreSQL is expected to do.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use choreography_core::{
    event_id::Window,
    policy::{Policy, RetryPolicy},
    routes::TableId,
};
use choreography_simulator::{
    core::{Core, lock},
    database::{Model, Tx, TxId},
    focus::ANY_SERVICES,
};
use chrono::TimeDelta;

use crate::{
    both::{Both, both},
    call::{Call, perform},
};

/// Three transactions, and one place for calls that are a transaction of their own.
pub const SLOTS: usize = 4;
pub const ALONE: usize = 3;
pub const RANGES: i32 = 2;
/// No call pauses that often unless it waits for another transaction.
const LOOKS: usize = 24;

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Done(String),
    /// It waits for the transaction in that slot.
    Blocked(usize),
}

#[derive(Clone, Debug)]
pub struct Step {
    pub slot: usize,
    pub call: Call,
    /// Of this call, and then of those that were blocked before it.
    pub seen: Vec<(usize, Seen)>,
}

type Answering = Pin<Box<dyn Future<Output = (Option<Tx<Both>>, String)>>>;

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Open(Box<Tx<Both>>),
    Busy(Answering),
}

pub struct OnModel {
    pub model: Model<Both>,
    slots: [Slot; SLOTS],
    ids: BTreeMap<TxId, usize>,
}

impl OnModel {
    pub fn new() -> Self {
        let core = Arc::new(Core::new(1, None, false, &ANY_SERVICES));
        core.end_faults();
        let policy = Policy {
            window: Window { horizon: TimeDelta::days(30), skew: TimeDelta::minutes(10) },
            retry: RetryPolicy { base: TimeDelta::seconds(1), cap: TimeDelta::seconds(1), max_attempts: 3 },
            max_message_bytes: 1_000_000,
            ranges: RANGES,
            call_lease: TimeDelta::seconds(1),
        };
        let model = Model::new(core, Arc::new(both()), policy, |_| false).always_optimistic();
        Self { model, slots: Default::default(), ids: BTreeMap::new() }
    }

    /// The same calls again, from the beginning.
    pub fn replay(steps: &[Step]) -> Self {
        let mut side = Self::new();
        for step in steps {
            side.step(step.slot, step.call.clone());
        }
        side
    }

    pub fn is_free(&self, slot: usize) -> bool {
        !matches!(self.slots[slot], Slot::Busy(_))
    }

    pub fn is_open(&self, slot: usize) -> bool {
        matches!(self.slots[slot], Slot::Open(_))
    }

    /// Whether the slot's transaction is an optimistic one that has read this row; `None` of one with locks.
    pub fn has_read(&self, slot: usize, table: TableId, key: &str) -> Option<bool> {
        match &self.slots[slot] {
            Slot::Open(tx) => tx.has_read(table, key),
            _ => None,
        }
    }

    pub fn step(&mut self, slot: usize, call: Call) -> Step {
        self.model.core.step();
        let blocked: Vec<usize> = (0..SLOTS).filter(|other| !self.is_free(*other)).collect();
        let tx = match std::mem::take(&mut self.slots[slot]) {
            Slot::Open(tx) => Some(*tx),
            Slot::Empty => None,
            Slot::Busy(_) => unreachable!("slot {slot} is blocked, so it gets no calls"),
        };
        self.slots[slot] = Slot::Busy(Box::pin(perform(self.model.clone(), tx, call.clone())));
        let mut seen = vec![(slot, self.look(slot))];
        self.look_again(blocked, &mut seen);
        Step { slot, call, seen }
    }

    /// Slots that were blocked go on, which may let others go on. At most one waits for any transaction, so the order of
    /// looking makes no difference.
    fn look_again(&mut self, mut blocked: Vec<usize>, seen: &mut Vec<(usize, Seen)>) {
        loop {
            let looks: Vec<(usize, Seen)> = blocked.iter().map(|slot| (*slot, self.look(*slot))).collect();
            let (waiting, done): (Vec<_>, Vec<_>) =
                looks.into_iter().partition(|(_, seen)| matches!(seen, Seen::Blocked(_)));
            if done.is_empty() {
                return seen.extend(waiting);
            }
            seen.extend(done);
            blocked = waiting.into_iter().map(|(slot, _)| slot).collect();
        }
    }

    fn look(&mut self, slot: usize) -> Seen {
        for _ in 0..LOOKS {
            let Slot::Busy(answering) = &mut self.slots[slot] else { unreachable!("slot {slot} has no call") };
            if let Poll::Ready((tx, answer)) = answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                self.slots[slot] = match tx {
                    Some(tx) => {
                        self.ids.insert(tx.known_as(), slot);
                        Slot::Open(Box::new(tx))
                    }
                    None => Slot::Empty,
                };
                return Seen::Done(answer);
            }
        }
        let waits = self.waits();
        let by = waits.iter().find(|(waiting, _)| *waiting == slot).map(|(_, by)| *by);
        Seen::Blocked(by.expect("what neither ends nor waits is stuck"))
    }

    /// Which slot waits for which.
    pub fn waits(&self) -> Vec<(usize, usize)> {
        let slot = |tx: TxId| self.ids.get(&tx).copied().unwrap_or(ALONE);
        self.model.waits().into_iter().map(|(tx, by)| (slot(tx), slot(by))).collect()
    }

    /// The committed tables, in words.
    pub fn tables(&self) -> Vec<String> {
        let state = lock(&self.model.state);
        let mut lines = Vec::new();
        lines.extend(state.inbox.committed().map(|id| format!("inbox {id}")));
        lines.extend(state.outbox.committed().map(|row| {
            let OutboxRowWords(words) = row.into();
            format!("outbox {words}")
        }));
        lines.extend(state.blocks.committed().map(|block| format!("block {} {:?}", block.range, block.numbers)));
        lines.extend(state.left_behind.committed().map(|row| {
            format!("left behind {} {} {} {:?}", row.number, row.range, row.message.topic, row.message.key)
        }));
        lines.extend(
            state
                .leases
                .committed()
                .map(|row| format!("lease {} {:?} {} {}", row.range, row.holder, row.epoch, row.through)),
        );
        lines
            .extend(state.stopped.committed().map(|row| format!("stopped {} {} {:?}", row.number, row.topic, row.key)));
        lines.extend(state.deadlines.committed().map(|row| {
            format!(
                "deadline {} {} {} {} {} {} {:?}",
                row.id,
                row.aggregate_id,
                row.name,
                row.due_at.timestamp(),
                row.correlation_id,
                row.attempts,
                row.last_error
            )
        }));
        let now = self.model.core.now();
        lines.extend(state.calls.committed().map(|row| {
            let call = &row.call;
            let due = row.not_before <= now;
            let (id, key, attempts) = (call.id, call.idempotency_key(), call.attempts);
            format!("call {id} {key} {} {attempts} due {due}", call.request)
        }));
        lines.extend(state.deferred.committed().map(|row| {
            let (event, first) = (&row.event, row.event.first_failed_at.map(|at| at.timestamp()));
            let (key, status) = (&event.event.aggregate_id, format!("{:?}", row.status).to_lowercase());
            // A claim moves it by the clock, and both clocks are their own.
            let due = if row.due_at <= now { "past".to_owned() } else { "later".to_owned() };
            let (overtakes, early) = (row.overtakes, event.early);
            format!(
                "deferred {} {key} {} {status} {} {first:?} {due} {overtakes} {early}",
                event.number, event.event.id, event.attempts
            )
        }));
        lines.extend(state.dead.committed().map(|row| format!("dead {} {:?}", row.position.offset, row.digest)));
        lines.extend(
            state.rows.committed().map(|own| format!("{:?} {} {:?} {:?}", own.table, own.key, own.row, own.events)),
        );
        lines.sort();
        lines
    }
}

struct OutboxRowWords(String);

impl From<&choreography_core::outbox::OutboxRow> for OutboxRowWords {
    fn from(row: &choreography_core::outbox::OutboxRow) -> Self {
        Self(format!("{} {} {:?} {:?}", row.number, row.range, row.message.payload, row.message.nth))
    }
}

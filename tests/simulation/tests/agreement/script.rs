//! Small transactions on a handful of keys, drawn from a seed.

use std::sync::Arc;

use choreography_core::{
    AnyRow,
    calls::Postponed,
    deadlines,
    relay::{Lane, Lease, Mark, Reading, Refused},
    retry::Limits,
    routes::TableId,
    store::{
        AmendedCall, Calls, DeadMessage, Deadline, Deadlines, DeferEvent, DeferredEvents, DeferredFailure,
        DeferredStatus, OutboxMessage, PendingCall, RefusedCall, TableChanges, Wanted, WantedRows, Writing,
    },
    trace::TraceContext,
};
use choreography_simulator::{core::Core, focus::ANY_SERVICES};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    both::{Both, ORDERS, REQUESTS, RESERVATIONS, STOCK},
    call::Call,
    model::{ALONE, OnModel, SLOTS, Seen, Step},
    own_rows,
    values::{delivery, failure, id, pending_call, placed},
};

const CALLS: usize = 40;
pub const KEYS: [&str; 3] = ["a", "b", "c"];
/// 2026-08-01: event ids carry a time for which the inbox has a partition.
pub const EVENT_TIME_MS: u64 = 1_785_542_400_000;

/// The calls of a seed, with what the model says to each. `deadlocks`: it ends with a call that closes a circle.
pub fn script(seed: u64, deadlocks: bool) -> Vec<Step> {
    let chance = |seed| Core::new(seed, None, false, &ANY_SERVICES);
    let mut drawing = Drawing { chance: chance(seed), counts: chance(seed), minted: 0, placed: 0 };
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..CALLS * 4 {
        let before = OnModel::replay(&steps);
        let Some((slot, call)) = drawing.next(&before) else { continue };
        let mut side = before;
        let step = side.step(slot, call);
        let closes = is(&step, "contention");
        if deadlocks && closes {
            steps.push(step);
            return steps;
        }
        if !closes && is_determined(&side, &step) {
            steps.push(step);
        }
        if steps.len() >= CALLS {
            break;
        }
    }
    end_all(&mut steps);
    steps
}

fn is(step: &Step, answer: &str) -> bool {
    step.seen.iter().any(|(_, seen)| matches!(seen, Seen::Done(said) if said == answer))
}

/// Two that wait for one race once it ends, and PostgreSQL does not say which one wins.
fn is_determined(side: &OnModel, step: &Step) -> bool {
    let blocked = matches!(step.seen[0].1, Seen::Blocked(_));
    let waits = side.waits();
    let alone = waits.iter().all(|(slot, by)| waits.iter().all(|(other, also)| slot == other || by != also));
    alone && !(blocked && step.call.locks_in_no_order())
}

/// Each transaction that is not blocked ends, until all have.
fn end_all(steps: &mut Vec<Step>) {
    for _ in 0..SLOTS {
        for slot in 0..ALONE {
            let mut side = OnModel::replay(steps);
            if side.is_open(slot) {
                let call = if (steps.len() + slot).is_multiple_of(3) { Call::RollBack } else { Call::Commit };
                steps.push(side.step(slot, call));
            }
        }
    }
}

pub struct Drawing {
    pub chance: Core,
    /// Of what is counted.
    counts: Core,
    minted: u64,
    /// Orders so far.
    placed: usize,
}

impl Drawing {
    fn next(&mut self, side: &OnModel) -> Option<(usize, Call)> {
        let slot = if self.one_in(5) { ALONE } else { self.chance.pick(ALONE) };
        if !side.is_free(slot) {
            return None;
        }
        let call = match () {
            () if slot == ALONE => self.alone(),
            () if !side.is_open(slot) => [Call::Begin, Call::BeginOptimistic][self.chance.pick(2)].clone(),
            () if side.has_read(slot, ORDERS, "").is_some() => return Some((slot, self.optimistically(side, slot)?)),
            () if self.one_in(9) => Call::Commit,
            () if self.one_in(14) => Call::RollBack,
            () => self.in_transaction(),
        };
        Some((slot, call))
    }

    fn in_transaction(&mut self) -> Call {
        match self.chance.pick(3) {
            0 => Call::Lock(Arc::new(self.wanted())),
            _ => {
                let mut writing = Writing::default();
                // Mostly one part; the order in which one statement waits for several is not promised.
                for _ in 0..=usize::from(self.one_in(4)) {
                    self.write(&mut writing);
                }
                Call::Write(Arc::new(writing))
            }
        }
    }

    pub fn wanted(&mut self) -> Wanted<Both> {
        let some = |drawing: &mut Self| if drawing.one_in(3) { drawing.keys() } else { Vec::new() };
        let (queues, arrivals) = (some(self), some(self));
        let mut tables = vec![ORDERS, REQUESTS, RESERVATIONS, STOCK];
        tables.retain(|_| self.one_in(3));
        let rows = tables.into_iter().map(|table| {
            let placed = if table == ORDERS { self.placed() } else { Vec::new() };
            let all = [self.keys(), placed].concat();
            let (if_free, keys) = all.into_iter().partition(|_| self.one_in(5));
            WantedRows { table, keys, if_free }
        });
        Wanted { queues, arrivals, rows: rows.collect() }
    }

    pub fn write(&mut self, writing: &mut Writing<Both>) {
        match self.chance.pick(20) {
            0 | 1 => writing.inbox.new = self.some(4).into_iter().map(|n| id(EVENT_TIME_MS, n)).collect(),
            2 => writing.inbox.early = self.some(4).into_iter().map(|n| id(EVENT_TIME_MS, n)).collect(),
            3..=5 if writing.tables.is_empty() => {
                let table = self.table();
                let keys = if table == ORDERS { self.placed() } else { self.keys() };
                let changes = TableChanges::none(table);
                let changes = match self.chance.pick(3) {
                    0 => TableChanges { inserts: self.counted(table, keys, writing), ..changes },
                    1 => TableChanges { updates: self.counted(table, keys, writing), ..changes },
                    _ => TableChanges { absent: keys, ..changes },
                };
                writing.tables.push(changes);
            }
            6 if writing.tables.is_empty() => {
                let key = placed(self.placed);
                self.placed += 1;
                let fresh = self.rows(ORDERS, vec![key]);
                writing.tables.push(TableChanges { fresh, ..TableChanges::none(ORDERS) });
            }
            7 => {
                let keys = self.keys();
                if writing.tables.is_empty() && self.counts.pick(3) == 0 {
                    writing.events = keys.iter().map(|key| (key.clone(), self.counts.pick(1_000) as i64)).collect();
                }
                writing.messages = keys.into_iter().map(|key| self.message(key)).collect();
            }
            // Each row stands once in what is written.
            8 if writing.deadlines == Deadlines::default() => writing.deadlines.set = self.deadlines(),
            9 | 10 if writing.deadlines.taken.is_empty() => self.end_deadlines(&mut writing.deadlines),
            11 if writing.calls.new.is_empty() => {
                writing.calls.new = self.calls();
                writing.calls.own_until = self.moment();
            }
            12 if writing.calls.amended.is_empty() && writing.calls.postponed.is_empty() => {
                writing.calls.taken = self.some(3).into_iter().map(|n| id(2, n)).collect()
            }
            13 if writing.calls == Calls::default() => writing.calls.amended = vec![self.amended()],
            14 if writing.calls == Calls::default() => writing.calls.postponed = self.postponed_calls(),
            15 if writing.deferred == DeferredEvents::default() => {
                writing.deferred.defer = self.some(4).into_iter().map(|n| self.defer(n)).collect()
            }
            16 | 17 if writing.deferred == DeferredEvents::default() => self.deferred(&mut writing.deferred),
            _ => writing.dead = self.some(3).into_iter().map(|n| self.dead(n)).collect(),
        }
    }

    fn alone(&mut self) -> Call {
        let limit = self.chance.pick(4) + 1;
        match self.chance.pick(15) {
            0 | 1 => {
                let lane = Lane::ALL[self.chance.pick(2)];
                Call::Claim(self.holder(lane), lane, self.hours())
            }
            2 => Call::Unpublished(Reading {
                ranges: self.ranges().into_iter().map(|range| (range, self.chance.pick(3) as i64)).collect(),
                done: self.some(4).into_iter().map(|n| n as i64 + 1).filter(|_| self.one_in(2)).collect(),
                without_topics: self.one_in(3).then(|| "order-events".to_owned()).into_iter().collect(),
                rows: limit,
                bytes: self.chance.pick(8) + 1,
            }),
            3 => Call::Mark(self.leases(), self.mark()),
            10 => {
                let lane = Lane::ALL[self.chance.pick(2)];
                Call::Renew(self.holder(lane), self.hours())
            }
            11 | 12 => {
                let refused = |n: usize| Refused {
                    range: self.chance.pick(3) as i32,
                    number: n as i64 + 1,
                    error: "too large".into(),
                };
                Call::Stop(self.leases(), self.some(4).into_iter().map(refused).take(1).collect())
            }
            4 => Call::Release(self.holder(Lane::ALL[self.chance.pick(2)])),
            5 => Call::DueDeadlines(limit),
            6 => Call::ClaimCalls(limit, self.chance.pick(6), TimeDelta::hours(1)),
            7 => {
                let wait = self.hours();
                let ids = self.some(3).into_iter().map(|n| id(2, n));
                Call::Postpone(ids.map(|id| Postponed { id, wait, why: "no answer".into() }).collect())
            }
            8 => Call::ClaimDeferred(self.limits(), TimeDelta::hours(1)),
            9 => self.postpone_deadlines(),
            13 => Call::Published(self.leases()),
            _ => Call::QueueFrom(self.number(), self.limits()),
        }
    }

    /// Each row stands once in what is marked.
    fn mark(&self) -> Mark {
        let mut mark = Mark::default();
        for n in self.some(4) {
            let row = (self.chance.pick(3) as i32, n as i64 + 1);
            [&mut mark.published, &mut mark.caught_up, &mut mark.left_behind][self.chance.pick(3)].push(row);
        }
        if self.one_in(3) {
            mark.through = self.ranges().into_iter().map(|range| (range, self.chance.pick(4) as i64)).collect();
        }
        mark
    }

    fn limits(&self) -> Limits {
        let (keys, per_key) = (self.chance.pick(3) + 1, self.chance.pick(4) + 1);
        // An event has five bytes, and no headers two.
        Limits { keys, per_key, bytes: [1, 8, 100][self.chance.pick(3)] }
    }

    fn postpone_deadlines(&self) -> Call {
        let wait = self.hours();
        let ids = self.some(3).into_iter().map(|n| id(3, n));
        let postponed = ids.map(|id| deadlines::Postponed { id, wait, why: "refused".into() });
        Call::PostponeDeadlines(postponed.collect())
    }

    pub fn one_in(&self, times: usize) -> bool {
        self.chance.pick(times) == 0
    }

    /// One or more of so many, sorted.
    fn some(&self, of: usize) -> Vec<usize> {
        let first = self.chance.pick(of);
        (0..of).filter(|n| *n == first || self.one_in(4)).collect()
    }

    fn keys(&self) -> Vec<String> {
        self.some(KEYS.len()).into_iter().map(|n| KEYS[n].to_owned()).collect()
    }

    /// Those of the events, and behind them that of the dead letters.
    fn ranges(&self) -> Vec<i32> {
        self.some(3).into_iter().map(|n| n as i32).collect()
    }

    /// One of two, another for each lane.
    fn holder(&self, lane: Lane) -> Uuid {
        id(1, self.chance.pick(2) + if lane == Lane::Events { 0 } else { 10 })
    }

    fn leases(&self) -> Vec<Lease> {
        let epoch = self.chance.pick(3) as i64;
        self.ranges().into_iter().map(|range| Lease { range, epoch }).collect()
    }

    fn number(&self) -> i64 {
        self.chance.pick(4) as i64 + 1
    }

    fn table(&self) -> TableId {
        [RESERVATIONS, STOCK, REQUESTS, ORDERS][self.chance.pick(4)]
    }

    /// Only orders that were placed are changed. Their keys come behind those that never are.
    fn placed(&self) -> Vec<String> {
        self.some(3).into_iter().map(placed).collect()
    }

    /// An hour ago or ahead.
    fn hours(&self) -> TimeDelta {
        if self.one_in(2) { TimeDelta::hours(1) } else { TimeDelta::hours(-1) }
    }

    fn mint(&mut self) -> u64 {
        self.minted += 1;
        self.minted
    }

    /// A moment long past or far ahead, never the same twice: nothing may depend on a tie or on the clock.
    fn moment(&mut self) -> DateTime<Utc> {
        let years = if self.one_in(2) { 30 } else { 130 };
        DateTime::UNIX_EPOCH + TimeDelta::days(365 * years) + TimeDelta::hours(self.mint() as i64)
    }

    fn rows(&mut self, table: TableId, keys: Vec<String>) -> Vec<(String, AnyRow)> {
        keys.into_iter().map(|key| (key.clone(), own_rows::row(table, &key, self.mint()))).collect()
    }

    /// Some of them publish, if they are aggregates.
    fn counted(&mut self, table: TableId, keys: Vec<String>, writing: &mut Writing<Both>) -> Vec<(String, AnyRow)> {
        for key in keys.iter().filter(|_| table == RESERVATIONS) {
            if self.counts.pick(2) == 0 {
                writing.events.insert(key.clone(), self.counts.pick(1_000) as i64);
            }
        }
        self.rows(table, keys)
    }

    fn message(&mut self, key: String) -> OutboxMessage {
        let payload = Some(self.mint().to_string().into_bytes());
        let topic = if self.one_in(4) { "order-events.dlq" } else { "order-events" };
        let nth = (self.counts.pick(2) == 0).then(|| self.counts.pick(1_000) as i64);
        OutboxMessage { topic: topic.into(), key: Some(key.into_bytes()), payload, headers: Vec::new(), nth }
    }

    fn deadlines(&mut self) -> Vec<Deadline> {
        let deadlines = self.some(3).into_iter().map(|n| {
            let id = if self.one_in(3) { id(3, 100 + self.mint() as usize) } else { id(3, n) };
            Deadline { id, ..self.deadline(n) }
        });
        deadlines.collect()
    }

    fn deadline(&mut self, n: usize) -> Deadline {
        Deadline {
            id: id(3, n),
            aggregate_id: KEYS[n].to_owned(),
            name: "order".into(),
            due_at: self.moment(),
            correlation_id: self.mint().to_string(),
            trace: TraceContext::default(),
            attempts: 0,
            last_error: None,
            not_before: None,
        }
    }

    /// Each row once, as a batch has them.
    fn end_deadlines(&mut self, deadlines: &mut Deadlines) {
        let (set, chosen) = (std::mem::take(deadlines).set, self.some(3));
        match self.chance.pick(4) {
            0 => deadlines.taken = chosen.into_iter().map(|n| id(3, n)).collect(),
            1 => {
                let names = chosen.into_iter().map(|n| (KEYS[n].to_owned(), "order".to_owned()));
                deadlines.settled = names.collect();
            }
            2 => {
                let later = chosen.into_iter().map(|n| Deadline {
                    not_before: Some(self.moment()),
                    last_error: Some("refused".into()),
                    ..self.deadline(n)
                });
                deadlines.postponed = later.collect();
            }
            _ => {
                deadlines.replaced = chosen.into_iter().map(|n| id(3, n)).collect();
                deadlines.set = set;
            }
        }
    }

    fn postponed_calls(&mut self) -> Vec<RefusedCall> {
        let later = self.some(3).into_iter().map(|n| RefusedCall {
            call: pending_call(id(2, n), n),
            not_before: self.moment(),
            error: "refused".into(),
            amended: (n == 0 && self.one_in(2)).then(|| "{}".to_owned()),
        });
        later.collect()
    }

    fn calls(&mut self) -> Vec<PendingCall> {
        let calls = self.some(3).into_iter().map(|n| {
            let id = if self.one_in(4) { id(2, 100 + self.mint() as usize) } else { id(2, n) };
            pending_call(id, n)
        });
        // Rows of one call are due at the same moment; which of them a limited claim takes is not promised.
        calls.take(1).collect()
    }

    /// Always the same one: of several that are due at the same moment, a limited claim takes any.
    fn amended(&mut self) -> AmendedCall {
        let request = format!("{{\"n\":{}}}", self.mint());
        AmendedCall { aggregate_id: KEYS[0].to_owned(), step: "charge".into(), request }
    }

    fn status(&self) -> DeferredStatus {
        [DeferredStatus::Retrying, DeferredStatus::Queued, DeferredStatus::Parked][self.chance.pick(3)]
    }

    fn defer(&mut self, n: usize) -> DeferEvent {
        let failed = self.one_in(2).then(failure);
        DeferEvent {
            key: KEYS[n % 2].to_owned(),
            event_id: id(EVENT_TIME_MS, n),
            event_type: "order.placed".into(),
            status: self.status(),
            delivery: delivery(n, b"event"),
            failure: failed,
            retry_in: TimeDelta::minutes(1),
            now: self.moment(),
            overtakes: self.one_in(3),
            early: self.one_in(4),
        }
    }

    fn deferred(&mut self, deferred: &mut DeferredEvents) {
        match self.chance.pick(4) {
            0 => deferred.none = self.keys(),
            1 => deferred.no_compensation = self.keys(),
            2 => deferred.released = self.some(4).into_iter().map(|n| n as i64 + 1).collect(),
            _ => {
                let failed = self.some(4).into_iter().map(|n| DeferredFailure {
                    number: n as i64 + 1,
                    status: self.status(),
                    failure: failure(),
                    attempts: self.chance.pick(5) as u32,
                    retry_in: TimeDelta::minutes(1),
                    now: self.moment(),
                    early: self.one_in(4),
                });
                deferred.failed_again = failed.collect();
            }
        }
    }

    fn dead(&mut self, n: usize) -> DeadMessage {
        let payload: &[u8] = if self.one_in(3) { b"other" } else { b"dead" };
        DeadMessage { delivery: delivery(n, payload), failure: failure(), now: DateTime::UNIX_EPOCH }
    }
}

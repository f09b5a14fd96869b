//! The database in memory: a transaction works on a copy, and its commit puts the copy in the original's place.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Table, Toy, transaction::Copy};
use crate::{
    calls::{CallStore, Claimed as ClaimedCall, Contradiction, LateAnswer, Postponed},
    deadlines::{self, DeadlineStore, Due},
    delivery::{Delivery, Position},
    input::DeferredEvent,
    retry::{Claimed, DeferredStore, Limits, UnreadableRow},
    store::{
        Crashes, Database, DeadMessage, Deadline, DeferredStatus, Failure, OutboxMessage, PendingCall, Stage,
        StoreError, Waits,
    },
};

#[derive(Clone, Debug)]
pub(crate) struct DeferredRow {
    pub event: DeferredEvent,
    pub status: DeferredStatus,
    pub overtakes: bool,
    pub due_at: DateTime<Utc>,
    pub failure: Option<Failure>,
}

/// What another transaction commits.
#[derive(Clone)]
pub(crate) struct Intrusion(pub Arc<dyn Fn(&mut State) + Send + Sync>);

impl fmt::Debug for Intrusion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Intrusion")
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub now: DateTime<Utc>,
    pub rows: BTreeMap<(Table, String), i64>,
    pub inbox: BTreeSet<Uuid>,
    pub outbox: Vec<OutboxMessage>,
    /// How many events each aggregate has published.
    pub events: BTreeMap<String, i64>,
    /// How many there are.
    pub records: usize,
    pub deferred: BTreeMap<i64, DeferredRow>,
    pub deferred_number: i64,
    pub dead: Vec<DeadMessage>,
    pub deadlines: BTreeMap<Uuid, Deadline>,
    pub unreadable_deadlines: BTreeSet<Uuid>,
    /// With the error that they came back with.
    pub calls: BTreeMap<Uuid, (PendingCall, Option<String>)>,
    /// Until when the calls of the last batch are the process's own that wrote them down.
    pub calls_are_own_until: Option<DateTime<Utc>>,
    /// Answers whose calls were gone.
    pub late: Vec<LateAnswer>,
    pub crashes: BTreeMap<Position, Crashes>,
    /// How far this run came.
    pub under_way: BTreeMap<Position, Stage>,
    /// Rows that another session has locked.
    pub locked: BTreeSet<(Table, String)>,
    /// Rows that this version can't read.
    pub unreadable: BTreeSet<(Table, String)>,
    /// Rows that the database refuses to change.
    pub poison: BTreeSet<String>,
    /// No message is kept with its bytes.
    pub refuses_bytes: bool,
    /// Deferred events whose rows this version can't read.
    pub unreadable_deferred: BTreeSet<i64>,
    pub is_table_locked: bool,
    /// The inbox waits too long for what others hold, hurried or not.
    pub is_inbox_locked: bool,
    /// The database does not answer.
    pub is_away: bool,
    /// Optimistic transactions can be had.
    pub is_optimistic: bool,
    /// The answer to the next optimistic write gets lost, once it is committed.
    pub loses_an_answer: bool,
    /// What others commit just before the next writes; no transaction sees it before that.
    pub before_the_write: VecDeque<Intrusion>,
    /// The statements so far.
    pub statements: Vec<&'static str>,
}

/// Clones are the same database.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

impl Memory {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self) -> Result<(), StoreError> {
        if self.state().is_away { Err(StoreError::Unavailable("the database does not answer".into())) } else { Ok(()) }
    }
}

impl Database<Toy> for Memory {
    type Transaction = Copy;

    async fn begin(&self, waits: Waits) -> Result<Copy, StoreError> {
        self.answer()?;
        let state = self.state().clone();
        if waits == Waits::Hurried && state.is_table_locked {
            return Err(StoreError::Unavailable("a table is locked".into()));
        }
        Ok(Copy { original: self.clone(), before: BTreeMap::new(), state, read: None })
    }

    async fn begin_optimistic(&self) -> Option<Copy> {
        let state = self.state().clone();
        let before = state.rows.clone();
        state.is_optimistic.then(|| Copy { original: self.clone(), before, state, read: Some(Vec::new()) })
    }

    async fn crashes(&self, messages: &[Position]) -> Result<Vec<Crashes>, StoreError> {
        Ok(messages.iter().map(|at| self.state().crashes.get(at).copied().unwrap_or_default()).collect())
    }

    async fn begin_messages(&self, messages: &[Position], stage: Stage) -> Result<(), StoreError> {
        let mut state = self.state();
        state.statements.push(match stage {
            Stage::Begun => "begun",
            Stage::Decoded => "decoded",
            Stage::SettingAside => "setting aside",
        });
        state.under_way.extend(messages.iter().map(|at| (at.clone(), stage)));
        Ok(())
    }

    async fn end_messages(&self, messages: &[Position]) -> Result<(), StoreError> {
        self.answer()?;
        let mut state = self.state();
        state.under_way.retain(|at, _| !messages.contains(at));
        state.crashes.retain(|at, _| !messages.contains(at));
        Ok(())
    }

    async fn is_kept(&self, message: &Delivery) -> Result<bool, StoreError> {
        let state = self.state();
        let deferred = state.deferred.values().any(|row| row.event.event.delivery == *message);
        Ok(deferred || state.dead.iter().any(|dead| dead.delivery == *message))
    }
}

impl DeferredStore for Memory {
    /// All that is due; the handler itself decides which are next.
    async fn claim(&self, _limits: Limits, lease: TimeDelta) -> Result<Claimed, StoreError> {
        let mut state = self.state();
        let now = state.now;
        let ready = |row: &&mut DeferredRow| row.status != DeferredStatus::Parked && row.due_at <= now;
        let mut events = Vec::new();
        for row in state.deferred.values_mut().filter(ready) {
            row.due_at = now + lease;
            events.push(row.event.clone());
        }
        Ok(claimed(events, &state.unreadable_deferred))
    }

    async fn queue_from(&self, number: i64, limits: Limits) -> Result<Claimed, StoreError> {
        let state = self.state();
        let Some(first) = state.deferred.get(&number) else { return Ok(Claimed::default()) };
        let key = &first.event.event.aggregate_id;
        let queue = state.deferred.range(number..).filter(|(_, row)| row.event.event.aggregate_id == *key);
        let events = queue.take(limits.per_key).map(|(_, row)| row.event.clone()).collect();
        Ok(claimed(events, &state.unreadable_deferred))
    }

    async fn park_unreadable(&self, rows: &[UnreadableRow]) -> Result<(), StoreError> {
        for row in rows {
            self.state().deferred.entry(row.number).and_modify(|deferred| deferred.status = DeferredStatus::Parked);
        }
        Ok(())
    }
}

fn claimed(events: Vec<DeferredEvent>, unreadable: &BTreeSet<i64>) -> Claimed {
    let (unreadable, events): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|deferred| unreadable.contains(&deferred.number));
    let told = |deferred: DeferredEvent| UnreadableRow { number: deferred.number, why: "no headers".into() };
    Claimed { events, unreadable: unreadable.into_iter().map(told).collect() }
}

impl DeadlineStore for Memory {
    async fn due(&self, limit: usize) -> Result<Due, StoreError> {
        let state = self.state();
        let now = state.now;
        let mut due: Vec<Deadline> = state.deadlines.values().filter(|row| row.next_at() <= now).cloned().collect();
        due.sort_by_key(Deadline::next_at);
        due.truncate(limit);
        let (unreadable, due): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|row| state.unreadable_deadlines.contains(&row.id));
        let unreadable = unreadable.into_iter().map(|row| (row.id, "no time".to_owned())).collect();
        let next = state.deadlines.values().map(Deadline::next_at).filter(|at| *at > now).min();
        Ok(Due { now, due, unreadable, next })
    }

    async fn postpone(&self, deadlines: &[deadlines::Postponed]) -> Result<(), StoreError> {
        let mut state = self.state();
        let now = state.now;
        for later in deadlines {
            if let Some(row) = state.deadlines.get_mut(&later.id) {
                row.attempts += 1;
                row.not_before = Some(now + later.wait);
                row.last_error = Some(later.why.clone());
            }
        }
        Ok(())
    }
}

impl CallStore for Memory {
    async fn claim(&self, _limit: usize, _bytes: usize, _lease: TimeDelta) -> Result<Vec<ClaimedCall>, StoreError> {
        let state = self.state();
        let claimed =
            |(call, _): &(PendingCall, _)| ClaimedCall { call: call.clone(), age: state.now - call.requested_at };
        Ok(state.calls.values().map(claimed).collect())
    }

    /// An operator said of every call that it was not made.
    async fn contradictions(&self, late: &[LateAnswer]) -> Result<Vec<Contradiction>, StoreError> {
        self.state().late.extend_from_slice(late);
        let contradiction = |late: &LateAnswer| Contradiction {
            aggregate_id: "a".into(),
            step: "add".into(),
            settled_as: "not-done".into(),
            said: format!("{:?}", late.answer),
        };
        Ok(late.iter().map(contradiction).collect())
    }

    async fn postpone(&self, calls: &[Postponed]) -> Result<(), StoreError> {
        for later in calls {
            self.state().calls.entry(later.id).and_modify(|(_, error)| *error = Some(later.why.clone()));
        }
        Ok(())
    }
}

//! PostgreSQL at READ COMMITTED, as far as the engine's statements need it: every statement sees what is committed when
//! it begins, writes become visible at the commit, row locks and unique keys make others wait, sequences never roll back.

mod deferred_events;
mod due_rows;
mod foreign_locks;
mod heap;
mod optimism;
mod outbox;
mod session;
mod state;
mod transaction;
mod waiting_rows;

use std::sync::{Arc, Mutex};

use choreography_core::{
    delivery::{Delivery, Position},
    participant::Participant,
    policy::Policy,
    store::{Crashes, Database, Stage, StoreError, Waits},
};
use chrono::TimeDelta;

pub use deferred_events::UNREADABLE;
pub use foreign_locks::Order;
pub use heap::TxId;
pub use session::Tx;
pub use state::{Committed, OwnRow, State};

use crate::{
    core::{Core, lock, pause},
    faults::Fault,
    plant::Plant,
};
use optimism::AT_ONCE;
use state::Over;

/// A service's database. Clones are the same one.
pub struct Model<P: Participant> {
    /// Chance, time and the story.
    pub core: Arc<Core>,
    /// Its tables and sessions.
    pub state: Arc<Mutex<State<P>>>,
    /// What the service is set to.
    pub policy: Policy,
    /// Whose tables they are.
    pub participant: Arc<P>,
    tombstone: fn(&P::Row) -> bool,
    /// One optimistic transaction in so many can't be had; none of them, if it is 0.
    locks_one_in: usize,
}

impl<P: Participant> Clone for Model<P> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            state: self.state.clone(),
            policy: self.policy,
            participant: self.participant.clone(),
            tombstone: self.tombstone,
            locks_one_in: self.locks_one_in,
        }
    }
}

/// What the server ends by itself.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// How long a wait for a lock may take.
    pub lock: TimeDelta,
    /// How long a transaction may do nothing.
    pub idle_in_transaction: TimeDelta,
}

impl<P: Participant> Model<P> {
    /// `tombstone` says which rows stand for a compensation that came first.
    pub fn new(core: Arc<Core>, participant: Arc<P>, policy: Policy, tombstone: fn(&P::Row) -> bool) -> Self {
        let state = Arc::new(Mutex::new(State::new(policy.ranges)));
        // In half of the schedules its transactions lock, as behind a pooler: what needs many steps is met more often there.
        let locks_one_in = [1, 1, 2, 0][core.pick(4)];
        Self { core, state, policy, participant, tombstone, locks_one_in }
    }

    /// Whenever an optimistic transaction is asked for, it can be had.
    #[must_use]
    pub fn always_optimistic(self) -> Self {
        Self { locks_one_in: 0, ..self }
    }

    /// Whose tables they are.
    pub fn name(&self) -> &'static str {
        self.participant.name()
    }

    /// A statement begins: others may go on, and the connection may break. `call` names the port's method.
    async fn statement(&self, call: &'static str) -> Result<(), StoreError> {
        self.core.enter(call);
        pause().await;
        if self.core.strikes(Fault::Disconnected) {
            return Err(StoreError::Unavailable("the connection broke".into()));
        }
        Ok(())
    }

    /// Now and then a statement fails for what it holds, or for what others hold.
    fn refusal(&self) -> Result<(), StoreError> {
        if self.core.strikes(Fault::RefusedData) {
            return Err(StoreError::Data("value out of range".into()));
        }
        if self.core.strikes(Fault::RefusedForNow) {
            Err(StoreError::Contention("no partition".into()))
        } else {
            Ok(())
        }
    }

    /// What was done is done, but its answer may be lost.
    fn answered(&self) -> Result<(), StoreError> {
        match self.core.strikes(Fault::CommitAnswerLost) {
            true => Err(StoreError::Unavailable("the commit's answer was lost".into())),
            false => Ok(()),
        }
    }

    /// A transaction of a single statement.
    async fn alone(&self, call: &'static str) -> Result<Tx<P>, StoreError> {
        self.statement(call).await?;
        Ok(Tx::open(self))
    }

    /// A transaction that is none of the engine's.
    pub fn by_hand(&self) -> Tx<P> {
        Tx::open(self)
    }

    /// An operator mends the rows that could not be read.
    pub fn mend(&self) {
        let mut state = lock(&self.state);
        state.unreadable.clear();
        state.scribbled.clear();
    }

    /// Which transaction waits for which.
    pub fn waits(&self) -> Vec<(TxId, TxId)> {
        let state = lock(&self.state);
        let known_as = |tx: TxId| state.sessions.get(&tx).map_or(tx, |session| session.known_as);
        state.sessions.values().filter_map(|session| Some((session.known_as, known_as(session.waits_for?)))).collect()
    }

    /// Ends waits and idle transactions that took too long, as the server does whatever their clients do.
    pub fn time_out(&self, timeouts: Timeouts) {
        let now = self.core.now();
        let mut state = lock(&self.state);
        let late = state.sessions.iter().filter(|(_, session)| session.over.is_none()).filter_map(|(tx, session)| {
            let waited = now - session.since;
            match session.waits_for {
                Some(_) => (waited > timeouts.lock).then_some((*tx, session.at, Over::LockTimeout)),
                // Its only statement is under way, whatever became of the client.
                None if session.at == AT_ONCE => None,
                None => (waited > timeouts.idle_in_transaction).then_some((*tx, session.at, Over::Disconnected)),
            }
        });
        for (tx, at, over) in late.collect::<Vec<_>>() {
            let fault = if over == Over::LockTimeout { Fault::LockTimeout } else { Fault::IdleTimeout };
            self.core.count_fault(fault, at);
            self.core.report(|| format!("{}: transaction {tx} is over: {over:?}", self.name()));
            state.abort(tx, over);
        }
    }
}

impl<P: Participant> Database<P> for Model<P> {
    type Transaction = Tx<P>;

    /// No transaction of the model locks a whole table.
    async fn begin(&self, waits: Waits) -> Result<Tx<P>, StoreError> {
        self.alone(if waits == Waits::Hurried { "hurry" } else { "begin" }).await
    }

    async fn begin_optimistic(&self) -> Option<Tx<P>> {
        let locks = self.locks_one_in > 0 && self.core.pick(self.locks_one_in) == 0;
        (!locks).then(|| Tx::optimistic(self))
    }

    async fn crashes(&self, messages: &[Position]) -> Result<Vec<Crashes>, StoreError> {
        self.statement("crashes").await?;
        let miscounts = self.core.has(Plant::CrashesMiscounted);
        let state = lock(&self.state);
        let of = |message: &Position| {
            let notes = state.begun.iter().filter(|((at, _), (_, died))| at == message && *died);
            let stages: Vec<Stage> = notes.map(|(_, (stage, _))| *stage).collect();
            let times = stages.len() as u32 + if miscounts && !stages.is_empty() { 3 } else { 0 };
            Crashes { times, stage: stages.into_iter().max().unwrap_or_default() }
        };
        Ok(messages.iter().map(of).collect())
    }

    async fn begin_messages(&self, messages: &[Position], stage: Stage) -> Result<(), StoreError> {
        self.statement("begin_messages").await?;
        let mut state = lock(&self.state);
        let member = self.core.member();
        state.begun.extend(messages.iter().map(|at| ((at.clone(), member), (stage, false))));
        state.under_way.extend(messages.iter().map(|at| (member, at.clone())));
        self.answered()
    }

    async fn end_messages(&self, messages: &[Position]) -> Result<(), StoreError> {
        self.statement("end_messages").await?;
        let mut state = lock(&self.state);
        state.begun.retain(|(at, _), _| !messages.contains(at));
        let member = self.core.member();
        state.under_way.retain(|(of, at)| *of != member || !messages.contains(at));
        self.answered()
    }

    async fn is_kept(&self, message: &Delivery) -> Result<bool, StoreError> {
        self.statement("is_kept").await?;
        let state = lock(&self.state);
        let deferred = state.deferred.committed().any(|row| row.event.event.delivery.position == message.position);
        Ok(deferred || state.dead.committed().any(|dead| dead.position == message.position))
    }
}

//! An open transaction: statements that see a snapshot, wait for others, fail, or are cut off.

use choreography_core::{participant::Participant, store::StoreError};
use chrono::{DateTime, Utc};

use super::{
    Model,
    heap::{Conflict, Heap, Place, TxId},
    state::{Over, State},
};
use crate::{
    core::{lock, pause},
    faults::Fault,
};

/// Which table of the state.
pub type Pick<P, V> = fn(&mut State<P>) -> &mut Heap<V>;

/// An open transaction.
pub struct Tx<P: Participant> {
    pub(super) model: Model<P>,
    pub(super) id: TxId,
    /// `now()` stands still within a transaction.
    pub(super) begun: DateTime<Utc>,
    /// Of a database client: what they locked last, and whose rows they look at.
    pub(super) locked: Option<Place>,
    pub(super) about: Option<String>,
    /// Of an optimistic one: the rows that it has read, and which version of each.
    pub(super) seen: Option<Vec<(Place, u64)>>,
    /// The number by which the schedule knows it: that of its first transaction.
    known_as: TxId,
}

impl<P: Participant> Drop for Tx<P> {
    fn drop(&mut self) {
        let mut state = lock(&self.model.state);
        state.end(self.id, false);
        state.sessions.remove(&self.id);
    }
}

impl<P: Participant> Tx<P> {
    pub(super) fn open(model: &Model<P>) -> Self {
        let begun = model.core.now();
        let id = lock(&model.state).open(begun, model.core.at());
        Self { model: model.clone(), id, begun, locked: None, about: None, seen: None, known_as: id }
    }

    /// Each of its statements will be a transaction of its own.
    pub(super) fn optimistic(model: &Model<P>) -> Self {
        let mut tx = Self::open(model);
        tx.seen = Some(Vec::new());
        tx.rest();
        tx
    }

    /// As a session of PostgreSQL begins its next transaction, which has a later number.
    pub(super) fn begin_anew(&mut self) {
        let now = self.model.core.now();
        let mut state = lock(&self.model.state);
        self.id = state.open(now, self.model.core.at());
        if let Some(session) = state.sessions.get_mut(&self.id) {
            session.known_as = self.known_as;
        }
        self.begun = now;
    }

    /// Between two statements of an optimistic one there is no transaction.
    pub(super) fn rest(&mut self) {
        let mut state = lock(&self.model.state);
        state.end(self.id, false);
        state.sessions.remove(&self.id);
    }

    /// Whether it is an optimistic one that has read this row; `None` of one with locks.
    pub fn has_read(&self, table: P::Table, key: &str) -> Option<bool> {
        let state = lock(&self.model.state);
        let is_it =
            |(place, _): &(Place, u64)| state.rows.at(*place).is_some_and(|own| own.table == table && own.key == key);
        self.seen.as_ref().map(|seen| seen.iter().any(is_it))
    }

    /// The id by which the schedule (and the comparison with PostgreSQL) knows it.
    pub fn known_as(&self) -> TxId {
        self.known_as
    }

    /// A statement begins: others may go on, and the connection may break.
    pub(super) async fn statement(&mut self, call: &'static str) -> Result<(), StoreError> {
        let begun = self.model.statement(call).await;
        let mut state = lock(&self.model.state);
        if let Some(over) = state.over(self.id) {
            return Err(match over {
                // Already reported; a caller that goes on all the same gets this.
                Over::LockTimeout | Over::Deadlocked => Over::Failed.error(),
                other => other.error(),
            });
        }
        let begun = begun.and_then(|()| self.model.refusal());
        if let Err(error) = &begun {
            let over = if matches!(error, StoreError::Unavailable(_)) { Over::Disconnected } else { Over::Failed };
            state.abort(self.id, over);
        } else if let Some(session) = state.sessions.get_mut(&self.id) {
            session.since = self.model.core.now();
            session.at = call;
        }
        begun
    }

    /// Tries until no other transaction is in the way. Of a circle of waits one fails: the one whose server process looks first.
    pub(super) async fn wait<T>(
        &mut self,
        mut attempt: impl FnMut(&mut State<P>, TxId) -> Result<T, TxId> + Send,
    ) -> Result<T, StoreError> {
        let mut waited = false;
        loop {
            {
                let mut state = lock(&self.model.state);
                if let Some(over) = state.over(self.id) {
                    return Err(over.error());
                }
                let tried = attempt(&mut state, self.id);
                let now = self.model.core.now();
                if let Some(session) = state.sessions.get_mut(&self.id) {
                    session.waits_for = tried.as_ref().err().copied();
                    if tried.is_ok() || !waited {
                        session.since = now;
                    }
                }
                match tried {
                    Ok(done) => return Ok(done),
                    Err(_) => waited = true,
                }
                let circle = state.circle(self.id);
                if !circle.is_empty() {
                    let victim = circle[self.model.core.pick(circle.len())];
                    let at = state.sessions.get(&victim).map_or("", |session| session.at);
                    self.model.core.count_fault(Fault::Deadlock, at);
                    self.model
                        .core
                        .report(|| format!("{}: {circle:?} wait in a circle, {victim} fails", self.model.name()));
                    state.abort(victim, Over::Deadlocked);
                    continue;
                }
            }
            pause().await;
        }
    }

    /// As SELECT … FOR UPDATE, UPDATE and DELETE take rows: found in the statement's snapshot, and looked at again
    /// after a wait. Sorted by `order`.
    pub(super) async fn take<V: Clone + Send + Sync, K: Ord + Send>(
        &mut self,
        pick: Pick<P, V>,
        matches: impl Fn(&V) -> bool + Send + Sync,
        order: impl Fn(&V) -> K + Send + Sync,
    ) -> Result<Vec<(Place, V)>, StoreError> {
        let mut found: Vec<(K, Place)> = {
            let mut state = lock(&self.model.state);
            let snapshot = pick(&mut state).snapshot(self.id);
            snapshot.filter(|(_, row)| matches(row)).map(|(place, row)| (order(row), place)).collect()
        };
        found.sort();
        let mut taken = Vec::with_capacity(found.len());
        for (_, place) in found {
            let newest = self.wait(|state, id| pick(state).lock(id, place)).await?;
            taken.extend(newest.filter(|row| matches(row)).map(|row| (place, row)));
        }
        Ok(taken)
    }

    /// As INSERT … ON CONFLICT DO NOTHING: whether it was inserted.
    pub(super) async fn insert_new<V: Clone + Send + Sync>(
        &mut self,
        pick: Pick<P, V>,
        row: &V,
        same: impl Fn(&V) -> bool + Send + Sync,
    ) -> Result<bool, StoreError> {
        self.wait(|state, id| match pick(state).conflict(id, None, &same) {
            Conflict::Undecided(other) => Err(other),
            Conflict::With(_) => Ok(false),
            Conflict::Free => {
                pick(state).insert(id, row.clone());
                Ok(true)
            }
        })
        .await
    }

    /// As a unique index that is the arbiter of no ON CONFLICT: a row of the same key is an error.
    pub(super) async fn check_unique<V: Clone + Send + Sync>(
        &mut self,
        pick: Pick<P, V>,
        place: Place,
        same: impl Fn(&V) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        let violated = self
            .wait(|state, id| match pick(state).conflict(id, Some(place), &same) {
                Conflict::Undecided(other) => Err(other),
                Conflict::With(_) => Ok(true),
                Conflict::Free => Ok(false),
            })
            .await?;
        if violated {
            lock(&self.model.state).abort(self.id, Over::Failed);
            return Err(StoreError::Data("duplicate key value violates a unique constraint".into()));
        }
        Ok(())
    }

    pub(super) fn now_step<T>(&mut self, act: impl FnOnce(&mut State<P>, TxId) -> T) -> T {
        act(&mut lock(&self.model.state), self.id)
    }

    /// As [`finish`](Self::finish), of a transaction of a single statement: its answer may be lost.
    pub(super) fn finish_alone(&mut self) -> Result<(), StoreError> {
        self.finish()?;
        self.model.answered()
    }

    /// COMMIT. After a failed statement the server rolls back, which the engine's session says aloud.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        let mut state = lock(&self.model.state);
        match state.over(self.id) {
            Some(Over::Disconnected) => Err(Over::Disconnected.error()),
            Some(_) => Err(Over::Failed.error()),
            None => {
                state.end(self.id, true);
                Ok(())
            }
        }
    }
}

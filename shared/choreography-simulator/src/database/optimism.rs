//! Optimistic transactions: each of their statements is a transaction of its own, and the write begins by locking what was read.

use choreography_core::{
    participant::Participant,
    store::{DeferredEvents, Found, StoreError, Wanted, Writing, Written},
};

use super::{
    session::Tx,
    state::{Over, State},
    transaction::{deferred_of, wait_for_standby, write_call},
};
use crate::{
    core::{lock, pause},
    plant::Plant,
};

/// The call that writes and commits.
pub const AT_ONCE: &str = "write_at_once";

impl<P: Participant> Tx<P> {
    /// A plain SELECT.
    pub(super) async fn read(&mut self, wanted: &Wanted<P>) -> Result<Found<P>, StoreError> {
        self.statement_alone("read_rows").await?;
        let mut found = Found::default();
        self.look_up(wanted, &mut found);
        for rows in &wanted.rows {
            for place in self.places(rows.table, &rows.keys) {
                let read = {
                    let state = lock(&self.model.state);
                    state.rows.at(place).cloned().zip(state.rows.version(place))
                };
                let Some((own, version)) = read else { continue };
                self.found(own, &mut found);
                self.seen.get_or_insert_default().push((place, version));
            }
        }
        self.rest();
        pause().await;
        Ok(found)
    }

    /// One statement that commits, or does nothing.
    pub(super) async fn write_unchanged(
        &mut self,
        seen: &[(u64, u64)],
        writing: &Writing<P>,
    ) -> Result<Written, StoreError> {
        self.statement_alone(AT_ONCE).await?;
        self.model.core.count(AT_ONCE, write_call(writing));
        self.now_step(State::freeze);
        let written = self.lock_and_write(seen, writing).await;
        self.now_step(State::thaw);
        let written = match written {
            Ok(written) if written.lost.is_nothing() => written,
            Ok(_) => return Err(self.refuse_to_commit("it lost something")),
            Err(error) => return Err(error),
        };
        wait_for_standby(&self.model.core).await;
        self.finish()?;
        self.rest();
        pause().await;
        self.model.answered()?;
        Ok(written)
    }

    /// The transaction begins with its only statement.
    async fn statement_alone(&mut self, call: &'static str) -> Result<(), StoreError> {
        self.model.statement(call).await?;
        self.begin_anew();
        self.model.refusal().inspect_err(|_| self.rest())
    }

    async fn lock_and_write(&mut self, seen: &[(u64, u64)], writing: &Writing<P>) -> Result<Written, StoreError> {
        for (place, version) in seen {
            pause().await;
            let core = self.model.core.clone();
            let locked = self.now_step(|state, id| match state.rows.lock(id, *place) {
                // NOWAIT
                Err(_) => false,
                Ok(_) => core.has(Plant::VersionsNotCompared) || state.rows.version(*place) == Some(*version),
            });
            if !locked {
                return Err(self.refuse_to_commit("a row is locked or has changed"));
            }
        }
        self.write_parts(writing).await
    }

    /// Behind all locks, in a snapshot of its own.
    pub(super) fn deferred_by_now(&mut self, thought: &DeferredEvents) -> Vec<String> {
        if self.model.core.has(Plant::DeferredNotLookedAt) {
            return Vec::new();
        }
        self.now_step(State::thaw);
        deferred_of(&lock(&self.model.state), self.id, thought)
    }

    fn refuse_to_commit(&mut self, why: &str) -> StoreError {
        self.model.core.count(AT_ONCE, "refused");
        lock(&self.model.state).abort(self.id, Over::Failed);
        StoreError::Contention(why.to_owned())
    }
}

//! Locks that a database client takes, in an order of their own.

use choreography_core::{participant::Participant, store::StoreError};

use super::{
    heap::Place,
    session::{Pick, Tx},
};
use crate::core::lock;

/// Which rows, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Any at all.
    Any,
    /// Rows of the service's tables, backwards.
    Backwards,
    /// What waits for an aggregate, and then its own row.
    WaitingFirst,
    /// A row, and then what the transactions have that wait for it.
    Crossing,
}

impl<P: Participant> Tx<P> {
    /// Locks one more row.
    pub async fn intrude(&mut self, order: Order) -> Result<(), StoreError> {
        match order {
            Order::Any => self.lock_any().await,
            Order::Backwards => self.lock_before().await,
            Order::WaitingFirst => self.lock_related().await,
            Order::Crossing => self.lock_crossing().await,
        }
    }

    async fn lock_any(&mut self) -> Result<(), StoreError> {
        let pick = |bound: usize| self.model.core.pick(bound);
        match pick(5) {
            0 => self.lock_one(|state| &mut state.deferred, |_| true).await,
            1 => self.lock_one(|state| &mut state.deadlines, |_| true).await,
            2 => self.lock_one(|state| &mut state.calls, |_| true).await,
            _ => self.lock_one(|state| &mut state.rows, |_| true).await,
        }
    }

    /// A row of the service's that stands before those which this transaction has locked in this way.
    async fn lock_before(&mut self) -> Result<(), StoreError> {
        let mut places: Vec<(P::Table, String, Place)> = {
            let state = lock(&self.model.state);
            let rows = state.rows.snapshot(self.id);
            rows.map(|(place, own)| (own.table, own.key.clone(), place)).collect()
        };
        places.sort();
        let before = places.iter().position(|(.., place)| Some(*place) == self.locked).unwrap_or(places.len());
        let Some((.., place)) = places.get(self.model.core.pick(before)).filter(|_| before > 0) else { return Ok(()) };
        let place = *place;
        self.locked = Some(place);
        self.wait(|state, id| state.rows.lock(id, place)).await.map(drop)
    }

    async fn lock_related(&mut self) -> Result<(), StoreError> {
        if let Some(about) = self.about.take() {
            return self.lock_one(|state| &mut state.rows, |own| own.key == about).await;
        }
        let all: Vec<String> = {
            let state = lock(&self.model.state);
            let deferred = state.deferred.committed().map(|row| &row.event.event.aggregate_id);
            let deadlines = state.deadlines.committed().map(|row| &row.aggregate_id);
            let calls = state.calls.committed().map(|row| &row.call.aggregate_id);
            deferred.chain(deadlines).chain(calls).cloned().collect()
        };
        let Some(about) = all.get(self.model.core.pick(all.len())).cloned() else { return Ok(()) };
        self.about = Some(about.clone());
        self.lock_one(|state| &mut state.deferred, |row| row.event.event.aggregate_id == about).await?;
        self.lock_one(|state| &mut state.deadlines, |row| row.aggregate_id == about).await?;
        self.lock_one(|state| &mut state.calls, |row| row.call.aggregate_id == about).await
    }

    async fn lock_crossing(&mut self) -> Result<(), StoreError> {
        let theirs: Vec<Place> = {
            let state = lock(&self.model.state);
            let waiting = state.sessions.iter().filter(|(_, session)| session.waits_for == Some(self.id));
            waiting.flat_map(|(tx, _)| state.rows.held_by(*tx)).collect()
        };
        let mine = lock(&self.model.state).rows.held_by(self.id).next();
        match (theirs.get(self.model.core.pick(theirs.len())).copied(), mine) {
            (Some(place), _) => self.wait(|state, id| state.rows.lock(id, place)).await.map(drop),
            (None, Some(_)) => Ok(()),
            (None, None) => self.lock_before().await,
        }
    }

    async fn lock_one<V: Clone + Send + Sync>(
        &mut self,
        pick: Pick<P, V>,
        suits: impl Fn(&V) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        let places: Vec<Place> = {
            let mut state = lock(&self.model.state);
            pick(&mut state).snapshot(self.id).filter(|(_, row)| suits(row)).map(|(place, _)| place).collect()
        };
        match places.get(self.model.core.pick(places.len())).copied() {
            Some(place) => self.wait(|state, id| pick(state).lock(id, place)).await.map(drop),
            None => Ok(()),
        }
    }
}

//! Rows that wait: deadlines, calls, deferred events, dead messages.

use choreography_core::{
    delivery::{Delivery, Position},
    input::{DeferredEvent, Event},
    participant::Participant,
    store::{
        AmendedCall, Calls, DeadMessage, Deadline, Deadlines, DeferEvent, Deferred, DeferredEvents, DeferredFailure,
        DeferredStatus, Lost, RefusedCall, StoreError,
    },
};

use super::{
    heap::{Conflict, TxId},
    session::{Pick, Tx},
    state::{DeadRow, DeferredRow, OpenCall, State},
};
use crate::plant::Plant;

/// Waiting for rows that others have locked, or for what comes by another way, is no failed attempt.
const NO_FAILURES: [&str; 2] = ["locked", "awaited"];

impl<P: Participant> Tx<P> {
    /// DELETE … RETURNING the rows, as they are once they are locked.
    pub(super) async fn delete<V: Clone + Send + Sync, K: Ord + Send>(
        &mut self,
        pick: Pick<P, V>,
        matches: impl Fn(&V) -> bool + Send + Sync,
        key: impl Fn(&V) -> K + Send + Sync,
    ) -> Result<Vec<V>, StoreError> {
        let taken = self.take(pick, matches, key).await?;
        self.now_step(|state, _| taken.iter().for_each(|(place, _)| pick(state).write(*place, None)));
        Ok(taken.into_iter().map(|(_, row)| row).collect())
    }

    pub(super) async fn write_deadlines(&mut self, deadlines: &Deadlines, lost: &mut Lost) -> Result<(), StoreError> {
        let Deadlines { taken, settled, set, postponed, .. } = deadlines;
        let gone = self.delete(|state| &mut state.deadlines, |row| taken.contains(&row.id), |row| row.id).await?;
        lost.settled.extend(taken.iter().filter(|id| gone.iter().all(|row| row.id != **id)));
        if self.seen.is_none() {
            self.settle_deadlines(settled).await?;
        }
        if !self.model.core.has(Plant::NoDeadlines) {
            for new in set {
                let place = self.wait(|state, id| upsert_deadline(state, id, new)).await?;
                self.check_unique(|state| &mut state.deadlines, place, |row| row.id == new.id).await?;
            }
        }
        let of = |row: &Deadline| postponed.iter().find(|later| later.id == row.id);
        let there = self.take(|state| &mut state.deadlines, |row| of(row).is_some(), |row| row.id).await?;
        lost.settled.extend(postponed.iter().map(|row| row.id).filter(|id| there.iter().all(|(_, row)| row.id != *id)));
        for (place, row) in &there {
            let Some(Deadline { last_error, not_before, .. }) = of(row).cloned() else { continue };
            let changed = Deadline { attempts: row.attempts + 1, last_error, not_before, ..row.clone() };
            self.now_step(|state, _| state.deadlines.write(*place, Some(changed)));
        }
        Ok(())
    }

    pub(super) async fn settle_deadlines(&mut self, settled: &[(String, String)]) -> Result<(), StoreError> {
        let named = |row: &Deadline| settled.iter().any(|(of, name)| *of == row.aggregate_id && *name == row.name);
        self.delete(|state| &mut state.deadlines, named, |row| row.id).await.map(drop)
    }

    pub(super) async fn write_calls(&mut self, calls: &Calls, lost: &mut Lost) -> Result<(), StoreError> {
        let Calls { taken, new, own_until, amended, postponed } = calls;
        let open = |row: &OpenCall| taken.contains(&row.call.id);
        let gone = self.delete(|state| &mut state.calls, open, |row| row.call.id).await?;
        lost.settled.extend(taken.iter().filter(|id| gone.iter().all(|row| row.call.id != **id)));
        self.amend_calls(amended).await?;
        self.postpone_calls(postponed, lost).await?;
        for call in new {
            let row = OpenCall { call: call.clone(), not_before: *own_until };
            let place = self.now_step(|state, id| state.calls.insert(id, row));
            self.check_unique(|state| &mut state.calls, place, |row| row.call.id == call.id).await?;
            let same_step = |row: &OpenCall| row.call.aggregate_id == call.aggregate_id && row.call.step == call.step;
            self.check_unique(|state| &mut state.calls, place, same_step).await?;
        }
        Ok(())
    }

    async fn amend_calls(&mut self, amended: &[AmendedCall]) -> Result<(), StoreError> {
        let now = self.begun;
        let new = |row: &OpenCall| {
            let same = |call: &&AmendedCall| call.aggregate_id == row.call.aggregate_id && call.step == row.call.step;
            amended.iter().find(same)
        };
        let open = self.take(|state| &mut state.calls, |row| new(row).is_some(), |row| row.call.id).await?;
        for (place, mut row) in open {
            let Some(call) = new(&row) else { continue };
            row.call.request = call.request.clone();
            row.not_before = row.not_before.min(now);
            self.now_step(|state, _| state.calls.write(place, Some(row)));
        }
        Ok(())
    }

    /// The rows stay: a transaction that waits for them finds them with what was changed.
    async fn postpone_calls(&mut self, postponed: &[RefusedCall], lost: &mut Lost) -> Result<(), StoreError> {
        let now = self.begun;
        let of = |row: &OpenCall| postponed.iter().find(|later| later.call.id == row.call.id);
        let there = self.take(|state| &mut state.calls, |row| of(row).is_some(), |row| row.call.id).await?;
        let ids = postponed.iter().map(|row| row.call.id);
        lost.settled.extend(ids.filter(|id| there.iter().all(|(_, row)| row.call.id != *id)));
        for (place, mut row) in there {
            let Some(later) = of(&row) else { continue };
            row.not_before = if later.amended.is_some() { now } else { later.not_before };
            later.amended.iter().for_each(|request| row.call.request.clone_from(request));
            self.now_step(|state, _| state.calls.write(place, Some(row)));
        }
        Ok(())
    }

    pub(super) async fn write_deferred(&mut self, deferred: &DeferredEvents) -> Result<(), StoreError> {
        let DeferredEvents { released, failed_again, defer, .. } = deferred;
        let handled = |row: &DeferredRow| released.contains(&row.event.number);
        self.delete(|state| &mut state.deferred, handled, |row| row.event.number).await?;
        self.update_deferred(failed_again).await?;
        self.insert_deferred(defer).await
    }

    pub(super) async fn lock_deferred(&mut self, keys: &[String]) -> Result<Vec<Deferred>, StoreError> {
        let of_keys = |row: &DeferredRow| keys.contains(&row.event.event.aggregate_id);
        let taken = self.take(|state| &mut state.deferred, of_keys, |row| row.event.number).await?;
        let deferred = |row: DeferredRow| Deferred {
            key: row.event.event.aggregate_id,
            number: row.event.number,
            status: row.status,
            overtakes: row.overtakes,
            attempts: row.event.attempts,
            early: row.event.early,
        };
        Ok(taken.into_iter().map(|(_, row)| deferred(row)).collect())
    }

    /// INSERT … ON CONFLICT (event_id) DO UPDATE SET early; a number is spent in any case.
    async fn insert_deferred(&mut self, events: &[DeferEvent]) -> Result<(), StoreError> {
        for event in events {
            let number = self.now_step(|state, _| {
                state.deferred_number += 1;
                state.deferred_number
            });
            let row = deferred_row(number, event.clone());
            self.wait(|state, id| upsert_deferred(state, id, &row)).await?;
        }
        Ok(())
    }

    async fn update_deferred(&mut self, failures: &[DeferredFailure]) -> Result<(), StoreError> {
        let failure_of = |number: i64| failures.iter().find(|failure| failure.number == number);
        let forgets = self.model.core.has(Plant::AttemptsForgotten);
        let failed = |row: &DeferredRow| failure_of(row.event.number).is_some();
        for (place, mut row) in self.take(|state| &mut state.deferred, failed, |row| row.event.number).await? {
            let Some(failure) = failure_of(row.event.number) else { continue };
            row.status = failure.status;
            row.due_at = failure.now + failure.retry_in;
            row.event.attempts = if forgets { 1 } else { failure.attempts };
            row.failures += u32::from(!NO_FAILURES.contains(&failure.failure.class));
            row.event.early = failure.early;
            row.class = Some(failure.failure.class);
            row.event.first_failed_at = row.event.first_failed_at.or(Some(failure.now));
            let lost = self.model.core.has(Plant::ParkedLost) && row.status == DeferredStatus::Parked;
            self.now_step(|state, _| state.deferred.write(place, (!lost).then_some(row)));
        }
        Ok(())
    }

    /// Those that are kept already.
    pub(super) async fn insert_dead(&mut self, dead: &[DeadMessage]) -> Result<Vec<Position>, StoreError> {
        let mut kept = Vec::new();
        for message in dead {
            let row = DeadRow { position: message.delivery.position.clone(), digest: digest(&message.delivery) };
            if !self.insert_new(|state| &mut state.dead, &row, |other| *other == row).await? {
                kept.push(row.position);
            }
        }
        Ok(kept)
    }
}

/// INSERT … ON CONFLICT (aggregate_id, name) DO UPDATE. Its place, or the transaction that has to end first.
fn upsert_deadline<P: Participant>(state: &mut State<P>, tx: TxId, new: &Deadline) -> Result<u64, TxId> {
    let same = |row: &Deadline| row.aggregate_id == new.aggregate_id && row.name == new.name;
    match state.deadlines.conflict(tx, None, same) {
        Conflict::Undecided(other) => Err(other),
        Conflict::Free => Ok(state.deadlines.insert(tx, new.clone())),
        Conflict::With(place) => {
            if state.deadlines.lock(tx, place)?.is_some() {
                state.deadlines.write(place, Some(new.clone()));
            }
            Ok(place)
        }
    }
}

fn upsert_deferred<P: Participant>(state: &mut State<P>, tx: TxId, new: &DeferredRow) -> Result<(), TxId> {
    match state.deferred.conflict(tx, None, |row: &DeferredRow| row.event.event.id == new.event.event.id) {
        Conflict::Undecided(other) => Err(other),
        Conflict::Free => {
            state.deferred.insert(tx, new.clone());
            Ok(())
        }
        Conflict::With(place) => {
            if let Some(mut old) = state.deferred.lock(tx, place)? {
                old.event.early &= new.event.early;
                state.deferred.write(place, Some(old));
            }
            Ok(())
        }
    }
}

fn deferred_row(number: i64, event: DeferEvent) -> DeferredRow {
    let failed = event.failure.is_some();
    DeferredRow {
        class: event.failure.as_ref().map(|failure| failure.class),
        failures: u32::from(failed),
        status: event.status,
        due_at: event.now + event.retry_in,
        overtakes: event.overtakes,
        event: DeferredEvent {
            number,
            attempts: u32::from(failed),
            first_failed_at: failed.then_some(event.now),
            redrive: false,
            early: event.early,
            event: Event {
                id: event.event_id,
                event_type: event.event_type,
                aggregate_id: event.key,
                delivery: event.delivery,
            },
        },
    }
}

fn digest(delivery: &Delivery) -> Vec<u8> {
    let key = delivery.key.as_deref().unwrap_or_default();
    [key, &[0], delivery.payload.as_deref().unwrap_or_default()].concat()
}

//! What has come due: deadlines and calls.

use choreography_core::{
    calls::{CallStore, Claimed, Contradiction, LateAnswer, Postponed},
    deadlines::{self, DeadlineStore, Due},
    participant::Participant,
    store::{Deadline, DeferredStatus, StoreError},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Model, state::OpenCall};
use crate::{core::lock, plant::Plant};

/// Far more than passing faults and rules that are mended ever need.
const REDRIVES: u32 = 100;

impl<P: Participant> DeadlineStore for Model<P> {
    async fn due(&self, limit: usize) -> Result<Due, StoreError> {
        let mut tx = self.alone("due_deadlines").await?;
        let now = tx.begun;
        if self.core.has(Plant::DeadlinesAsleep) {
            return Ok(Due { now, due: Vec::new(), unreadable: Vec::new(), next: None });
        }
        let (unreadable, due) = tx.now_step(|state, id| {
            let due = state.deadlines.snapshot(id).filter(|(_, row)| row.next_at() <= now);
            let mut due: Vec<(DateTime<Utc>, u64)> = due.map(|(place, row)| (row.next_at(), place)).collect();
            due.sort_unstable();
            // FOR UPDATE SKIP LOCKED.
            let free = due.into_iter().filter_map(|(_, place)| state.deadlines.lock(id, place).ok().flatten());
            free.take(limit).partition::<Vec<_>, _>(|row: &Deadline| state.unreadable.contains(&row.id))
        });
        tx.finish()?;
        let state = lock(&self.state);
        let next = state.deadlines.committed().map(Deadline::next_at).filter(|at| *at > now).min();
        let unreadable = unreadable.into_iter().map(|row| (row.id, "scribbled over".to_owned())).collect();
        Ok(Due { now, due, unreadable, next })
    }

    async fn postpone(&self, deadlines: &[deadlines::Postponed]) -> Result<(), StoreError> {
        let mut tx = self.alone("postpone_deadlines").await?;
        let now = tx.begun;
        let later = |row: &Deadline| deadlines.iter().find(|later| later.id == row.id);
        let taken = tx.take(|state| &mut state.deadlines, |row| later(row).is_some(), |row| row.id).await?;
        for (place, mut row) in taken {
            let Some(postponed) = later(&row) else { continue };
            row.not_before = Some(now + postponed.wait);
            row.attempts += 1;
            row.last_error = Some(postponed.why.clone());
            tx.now_step(|state, _| state.deadlines.write(place, Some(row)));
        }
        tx.finish_alone()
    }
}

impl<P: Participant> CallStore for Model<P> {
    async fn claim(&self, limit: usize, bytes: usize, lease: TimeDelta) -> Result<Vec<Claimed>, StoreError> {
        let mut tx = self.alone("claim_calls").await?;
        let now = tx.begun;
        let claimed = tx.now_step(|state, id| {
            let due = state.calls.snapshot(id).filter(|(_, row)| row.not_before <= now);
            let mut due: Vec<(DateTime<Utc>, u64)> = due.map(|(place, row)| (row.not_before, place)).collect();
            due.sort_unstable();
            let mut claimed = Vec::new();
            let mut room = bytes;
            for (_, place) in due {
                if claimed.len() == limit {
                    break;
                }
                // SKIP LOCKED: what another transaction is taking this moment is left to it.
                let Ok(Some(mut row)) = state.calls.lock(id, place) else { continue };
                let size = row.call.request.len();
                if size > room && !claimed.is_empty() {
                    break;
                }
                room = room.saturating_sub(size);
                row.call.attempts += 1;
                claimed.push(Claimed { age: now - row.call.requested_at, call: row.call.clone() });
                state.calls.write(place, Some(OpenCall { not_before: now + lease, ..row }));
            }
            claimed
        });
        tx.finish_alone()?;
        Ok(claimed)
    }

    /// No operator settles calls by hand here.
    async fn contradictions(&self, _late: &[LateAnswer]) -> Result<Vec<Contradiction>, StoreError> {
        Ok(Vec::new())
    }

    async fn postpone(&self, calls: &[Postponed]) -> Result<(), StoreError> {
        let mut tx = self.alone("postpone").await?;
        let now = tx.begun;
        let wait = |row: &OpenCall| calls.iter().find(|later| later.id == row.call.id).map(|later| later.wait);
        let taken = tx.take(|state| &mut state.calls, |row| wait(row).is_some(), |row| row.call.id).await?;
        for (place, row) in taken {
            let not_before = now + wait(&row).unwrap_or_default();
            tx.now_step(|state, _| state.calls.write(place, Some(OpenCall { not_before, ..row })));
        }
        tx.finish_alone()
    }
}

impl<P: Participant> Model<P> {
    /// Parked events that were not refused too often yet: those that rules refuse every time are a finding.
    pub fn worth_a_redrive(&self) -> Vec<i64> {
        let state = lock(&self.state);
        let parked = state.deferred.committed().filter(|row| row.status == DeferredStatus::Parked);
        parked.filter(|row| row.event.attempts < REDRIVES).map(|row| row.event.number).collect()
    }
}

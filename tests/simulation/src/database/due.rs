//! What has come due: deadlines, intents, held events.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use engine::{
    deadlines::{DeadlineStore, Due},
    input::HeldEvent,
    intents::{IntentStore, Postponed},
    participant::Participant,
    retry::HeldStore,
    store::{Deadline, HeldStatus, Intent, StoreError},
};

use super::{
    Model,
    state::{HeldRow, OpenIntent},
};
use crate::core::lock;

/// Far more than passing faults ever need.
const REDRIVES: u32 = 20;

impl<P: Participant> DeadlineStore for Model<P> {
    async fn due(&self, limit: usize) -> Result<Due, StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let state = lock(&self.state);
        let mut due: Vec<Deadline> = state.deadlines.committed().filter(|row| row.due_at <= now).cloned().collect();
        due.sort_by_key(|row| row.due_at);
        due.truncate(limit);
        let next = state.deadlines.committed().map(|row| row.due_at).filter(|due_at| *due_at > now).min();
        Ok(Due { now, due, next })
    }
}

impl<P: Participant> IntentStore for Model<P> {
    async fn claim(&self, limit: usize, lease: TimeDelta) -> Result<Vec<Intent>, StoreError> {
        let mut tx = self.alone().await?;
        let now = tx.begun;
        let claimed = tx.now_step(|state, id| {
            let due = state.intents.snapshot(id).filter(|(_, row)| row.not_before <= now);
            let mut due: Vec<(DateTime<Utc>, u64)> = due.map(|(place, row)| (row.not_before, place)).collect();
            due.sort_unstable();
            let mut claimed = Vec::new();
            for (_, place) in due {
                if claimed.len() == limit {
                    break;
                }
                // SKIP LOCKED: what somebody is taking this moment is theirs.
                let Ok(Some(mut row)) = state.intents.lock(id, place) else { continue };
                row.intent.attempts += 1;
                claimed.push(row.intent.clone());
                state.intents.write(place, Some(OpenIntent { not_before: now + lease, ..row }));
            }
            claimed
        });
        tx.finish()?;
        Ok(claimed)
    }

    async fn postpone(&self, intents: &[Postponed]) -> Result<(), StoreError> {
        let mut tx = self.alone().await?;
        let now = tx.begun;
        let wait = |row: &OpenIntent| intents.iter().find(|later| later.id == row.intent.id).map(|later| later.wait);
        let taken = tx.take(|state| &mut state.intents, |row| wait(row).is_some(), |row| row.intent.id).await?;
        for (place, row) in taken {
            let not_before = now + wait(&row).unwrap_or_default();
            tx.now_step(|state, _| state.intents.write(place, Some(OpenIntent { not_before, ..row })));
        }
        tx.finish()
    }
}

impl<P: Participant> HeldStore for Model<P> {
    async fn due(&self, keys: usize, per_key: usize) -> Result<Vec<HeldEvent>, StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let queues = self.queues();
        let heads = queues.values().filter_map(|queue| queue.first());
        let mut ready: Vec<&HeldRow> = heads
            .filter(|head| match head.status {
                HeldStatus::Queued => true,
                HeldStatus::Retrying => head.due_at <= now,
                HeldStatus::Parked => false,
            })
            .collect();
        ready.sort_by_key(|head| head.due_at);
        let tried = ready.into_iter().take(keys).flat_map(|head| {
            let queue = &queues[&head.event.event.aggregate_id];
            queue.iter().take_while(|row| row.status != HeldStatus::Parked).take(per_key)
        });
        let mut due: Vec<HeldEvent> = tried.map(|row| row.event.clone()).collect();
        due.sort_by_key(|event| event.number);
        Ok(due)
    }

    async fn queue_from(&self, number: i64, limit: usize) -> Result<Vec<HeldEvent>, StoreError> {
        self.statement().await?;
        let queues = self.queues();
        let queue = queues.values().find(|queue| queue.iter().any(|row| row.event.number == number));
        let behind = queue.into_iter().flatten().filter(|row| row.event.number >= number);
        Ok(behind.take(limit).map(|row| row.event.clone()).collect())
    }
}

impl<P: Participant> Model<P> {
    /// Parked events that were not refused too often yet: those that rules refuse every time are a finding.
    pub fn worth_a_redrive(&self) -> Vec<i64> {
        let state = lock(&self.state);
        let parked = state.held.committed().filter(|row| row.status == HeldStatus::Parked);
        parked.filter(|row| row.event.attempts < REDRIVES).map(|row| row.event.number).collect()
    }

    /// Per aggregate, its held events in number order.
    fn queues(&self) -> BTreeMap<String, Vec<HeldRow>> {
        let mut queues: BTreeMap<String, Vec<HeldRow>> = BTreeMap::new();
        for row in lock(&self.state).held.committed() {
            queues.entry(row.event.event.aggregate_id.clone()).or_default().push(row.clone());
        }
        queues.values_mut().for_each(|queue| queue.sort_by_key(|row| row.event.number));
        queues
    }
}

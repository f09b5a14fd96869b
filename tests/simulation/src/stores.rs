//! The other ports of the model database: each call is one statement, committed at once.

use chrono::TimeDelta;
use engine::{
    deadlines::{DeadlineStore, Due},
    input::HeldEvent,
    intents::{IntentStore, Postponed},
    outbox::OutboxRow,
    participant::Participant,
    relay::{Lease, OutboxStore, fair_share},
    retry::HeldStore,
    store::{HeldStatus, Intent, StoreError},
};
use uuid::Uuid;

use crate::{
    core::{Plant, lock},
    database::Model,
};

impl<P: Participant> OutboxStore for Model<P> {
    async fn claim(&self, holder: Uuid, lease: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let mut state = lock(&self.state);
        state.relays.retain(|_, until| *until > now);
        state.relays.insert(holder, now + lease);
        let relays = i64::try_from(state.relays.len()).unwrap_or(i64::MAX);
        let share = usize::try_from(fair_share(i64::from(self.policy.ranges), relays)).unwrap_or(usize::MAX);
        let mut mine: Vec<Lease> = Vec::new();
        let by_holder = |range: &i32| state.leases.get(range).is_none_or(|lease| lease.0 != holder);
        let mut ranges: Vec<i32> = (0..self.policy.ranges).collect();
        ranges.sort_by_key(by_holder);
        for range in ranges {
            let row = state.leases.entry(range).or_insert((Uuid::nil(), 0, now));
            let (held_by, _, until) = *row;
            if (held_by == holder || until <= now) && mine.len() < share {
                let epoch = if held_by == holder && until > now { row.1 } else { row.1 + 1 };
                *row = (holder, epoch, now + lease);
                mine.push(Lease { range, epoch });
            } else if held_by == holder {
                *row = (Uuid::nil(), row.1, now);
            }
        }
        Ok(mine)
    }

    async fn unpublished(&self, ranges: &[i32], limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.statement().await?;
        let mut state = lock(&self.state);
        let waiting = state.outbox.values_mut().filter(|(row, published)| !published && ranges.contains(&row.range));
        let mark_first = self.core.has(Plant::MarkFirst);
        Ok(waiting
            .take(limit)
            .map(|(row, published)| {
                *published = mark_first;
                row.clone()
            })
            .collect())
    }

    async fn mark(&self, leases: &[Lease], numbers: &[i64]) -> Result<u64, StoreError> {
        self.statement().await?;
        let mut state = lock(&self.state);
        let mut marked = 0;
        for number in numbers {
            let Some(range) = state.outbox.get(number).map(|(row, _)| row.range) else { continue };
            let epoch = state.leases.get(&range).map(|(_, epoch, _)| *epoch);
            let stands = leases.iter().any(|lease| lease.range == range && Some(lease.epoch) == epoch);
            if let Some((_, published)) = state.outbox.get_mut(number).filter(|_| stands) {
                *published = true;
                marked += 1;
            }
        }
        Ok(marked)
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        self.statement().await?;
        let now = self.core.now();
        for (held_by, _, until) in lock(&self.state).leases.values_mut() {
            if *held_by == holder {
                *until = now;
            }
        }
        Ok(())
    }
}

impl<P: Participant> DeadlineStore for Model<P> {
    async fn due(&self, limit: usize) -> Result<Due, StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let state = lock(&self.state);
        let due = state.deadlines.values().filter(|row| row.due_at <= now).take(limit).cloned().collect();
        let next = state.deadlines.values().map(|row| row.due_at).filter(|due_at| *due_at > now).min();
        Ok(Due { now, due, next })
    }
}

impl<P: Participant> IntentStore for Model<P> {
    async fn claim(&self, limit: usize, lease: TimeDelta) -> Result<Vec<Intent>, StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let mut state = lock(&self.state);
        let due = state.intents.values_mut().filter(|(_, not_before)| *not_before <= now);
        Ok(due
            .take(limit)
            .map(|(intent, not_before)| {
                intent.attempts += 1;
                *not_before = now + lease;
                intent.clone()
            })
            .collect())
    }

    async fn postpone(&self, intents: &[Postponed]) -> Result<(), StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let mut state = lock(&self.state);
        for postponed in intents {
            if let Some((_, not_before)) = state.intents.get_mut(&postponed.id) {
                *not_before = now + postponed.wait;
            }
        }
        Ok(())
    }
}

impl<P: Participant> HeldStore for Model<P> {
    async fn due(&self, _keys: usize, _per_key: usize) -> Result<Vec<HeldEvent>, StoreError> {
        self.statement().await?;
        let now = self.core.now();
        let state = lock(&self.state);
        let mut blocked = std::collections::BTreeSet::new();
        let mut due = Vec::new();
        for row in state.held.values() {
            let key = row.event.event.aggregate_id.clone();
            let first = !due.iter().any(|event: &HeldEvent| event.event.aggregate_id == key);
            let waits = first && row.status == HeldStatus::Retrying && row.due_at > now;
            if blocked.contains(&key) || waits || row.status == HeldStatus::Parked {
                blocked.insert(key);
            } else {
                due.push(row.event.clone());
            }
        }
        Ok(due)
    }

    async fn queue_from(&self, number: i64, _limit: usize) -> Result<Vec<HeldEvent>, StoreError> {
        self.statement().await?;
        let state = lock(&self.state);
        let Some(first) = state.held.get(&number) else { return Ok(Vec::new()) };
        let key = &first.event.event.aggregate_id;
        let queue = state.held.range(number..).filter(|(_, row)| row.event.event.aggregate_id == *key);
        Ok(queue.map(|(_, row)| row.event.clone()).collect())
    }
}

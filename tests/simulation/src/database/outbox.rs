//! The outbox as a relay sees it: each call is a transaction of one statement.

use chrono::{DateTime, TimeDelta, Utc};
use engine::{
    outbox::OutboxRow,
    participant::Participant,
    relay::{Lease, OutboxStore, fair_share},
    store::StoreError,
};
use uuid::Uuid;

use super::{Model, state::LeaseRow};
use crate::core::{Plant, lock};

impl<P: Participant> OutboxStore for Model<P> {
    async fn claim(&self, holder: Uuid, lease: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let mut tx = self.alone().await?;
        let now = tx.begun;
        let ranges = i64::from(self.policy.ranges);
        let claimed = tx.now_step(|state, id| {
            state.relays.insert(holder, now + lease);
            state.relays.retain(|_, seen_until| *seen_until > now);
            let share = fair_share(ranges, i64::try_from(state.relays.len()).unwrap_or(i64::MAX));
            let share = usize::try_from(share).unwrap_or(usize::MAX);
            let mut free: Vec<(u64, LeaseRow)> = state
                .leases
                .snapshot(id)
                .filter(|(_, row)| row.holder == Some(holder) || row.expires_at <= now)
                .map(|(place, row)| (place, row.clone()))
                .collect();
            // (holder = $1) DESC NULLS LAST: mine, then another's, then nobody's.
            free.sort_by_key(|(_, row)| (row.holder != Some(holder), row.holder.is_none(), row.range));
            let mut claimed = Vec::new();
            for (place, row) in free {
                // SKIP LOCKED.
                if !matches!(state.leases.lock(id, place), Ok(Some(_))) {
                    continue;
                }
                if claimed.len() == share {
                    if row.holder == Some(holder) {
                        let expires_at = DateTime::<Utc>::MIN_UTC;
                        state.leases.write(place, Some(LeaseRow { holder: None, expires_at, ..row }));
                    }
                    continue;
                }
                let renewed = row.holder == Some(holder) && row.expires_at > now;
                let epoch = row.epoch + i64::from(!renewed);
                let row = LeaseRow { holder: Some(holder), epoch, expires_at: now + lease, ..row };
                claimed.push(Lease { range: row.range, epoch });
                state.leases.write(place, Some(row));
            }
            claimed
        });
        tx.finish()?;
        Ok(claimed)
    }

    async fn unpublished(&self, ranges: &[i32], limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let rows: Vec<OutboxRow> = {
            self.statement().await?;
            let state = lock(&self.state);
            let waiting =
                state.outbox.committed().filter(|entry| !entry.published && ranges.contains(&entry.row.range));
            let mut rows: Vec<OutboxRow> = waiting.map(|entry| entry.row.clone()).collect();
            rows.sort_by_key(|row| row.number);
            rows.truncate(limit);
            rows
        };
        if self.core.has(Plant::MarkFirst) {
            let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
            self.set_published(|row| numbers.contains(&row.number)).await?;
        }
        Ok(rows)
    }

    async fn mark(&self, leases: &[Lease], numbers: &[i64]) -> Result<u64, StoreError> {
        self.statement().await?;
        let mine: Vec<i32> = {
            let state = lock(&self.state);
            let stands = |row: &&LeaseRow| leases.iter().any(|mine| mine.range == row.range && mine.epoch == row.epoch);
            state.leases.committed().filter(stands).map(|row| row.range).collect()
        };
        self.set_published(|row| mine.contains(&row.range) && numbers.contains(&row.number)).await
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        let mut tx = self.alone().await?;
        lock(&self.state).relays.remove(&holder);
        for (place, row) in
            tx.take(|state| &mut state.leases, |row| row.holder == Some(holder), |row| row.range).await?
        {
            let row = LeaseRow { holder: None, expires_at: DateTime::<Utc>::MIN_UTC, ..row };
            tx.now_step(|state, _| state.leases.write(place, Some(row)));
        }
        tx.finish()
    }
}

impl<P: Participant> Model<P> {
    async fn set_published(&self, chosen: impl Fn(&OutboxRow) -> bool + Sync) -> Result<u64, StoreError> {
        let mut tx = super::Tx::open(self);
        let open = |entry: &super::OutboxEntry| !entry.published && chosen(&entry.row);
        let mut marked = 0;
        for (place, mut entry) in tx.take(|state| &mut state.outbox, open, |entry| entry.row.number).await? {
            entry.published = true;
            marked += 1;
            tx.now_step(|state, _| state.outbox.write(place, Some(entry)));
        }
        tx.finish()?;
        Ok(marked)
    }
}

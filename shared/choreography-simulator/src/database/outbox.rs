//! The outbox as a relay sees it: each call is a transaction of one statement.

use choreography_core::{
    outbox::OutboxRow,
    participant::Participant,
    relay::{Lane, Lease, OutboxStore, Reading, Refused, Unpublished, fair_share},
    store::StoreError,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Model,
    state::{LeaseRow, StoppedRow},
};
use crate::{core::lock, plant::Plant};

impl<P: Participant> OutboxStore for Model<P> {
    async fn claim(&self, holder: Uuid, lane: Lane, lease: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let mut tx = self.alone("claim_leases").await?;
        let now = tx.begun;
        let ranges = self.policy.ranges;
        let (first, last) = lane.ranges(ranges);
        let claimed = tx.now_step(|state, id| {
            let share = match lane {
                Lane::Events => {
                    state.relays.insert(holder, now + lease);
                    state.relays.retain(|_, seen_until| *seen_until > now);
                    let relays = i64::try_from(state.relays.len()).unwrap_or(i64::MAX);
                    usize::try_from(fair_share(i64::from(ranges), relays)).unwrap_or(usize::MAX)
                }
                Lane::DeadLetters => 1,
            };
            let mut free: Vec<(u64, LeaseRow)> = state
                .leases
                .snapshot(id)
                .filter(|(_, row)| (first..=last).contains(&row.range))
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
                let epoch = row.epoch + i64::from(row.holder != Some(holder));
                let row = LeaseRow { holder: Some(holder), epoch, expires_at: now + lease, ..row };
                claimed.push(Lease { range: row.range, epoch });
                state.leases.write(place, Some(row));
            }
            claimed
        });
        tx.finish_alone()?;
        Ok(claimed)
    }

    async fn renew(&self, holder: Uuid, lease: TimeDelta) -> Result<(), StoreError> {
        let mut tx = self.alone("renew").await?;
        let now = tx.begun;
        if let Some(seen_until) = lock(&self.state).relays.get_mut(&holder) {
            *seen_until = now + lease;
        }
        let held = |row: &LeaseRow| row.holder == Some(holder);
        for (place, row) in tx.take(|state| &mut state.leases, held, |row| row.range).await? {
            tx.now_step(|state, _| state.leases.write(place, Some(LeaseRow { expires_at: now + lease, ..row })));
        }
        tx.finish_alone()
    }

    async fn unpublished(&self, reading: &Reading) -> Result<Unpublished, StoreError> {
        let rows: Vec<OutboxRow> = {
            self.statement("unpublished").await?;
            let state = lock(&self.state);
            let mut rows = Vec::new();
            for range in &reading.ranges {
                let waiting = state.outbox.committed().filter(|entry| !entry.published && entry.row.range == *range);
                let mut waiting: Vec<&OutboxRow> = waiting
                    .map(|entry| &entry.row)
                    .filter(|row| !reading.without_topics.contains(&row.message.topic))
                    .filter(|row| !state.stopped.committed().any(|stopped| stopped.stops(row)))
                    .collect();
                waiting.sort_by_key(|row| row.number);
                rows.extend(waiting.into_iter().take(reading.rows_per_range()).cloned());
            }
            rows.sort_by_key(|row| row.number);
            rows.truncate(reading.rows);
            let mut before = 0;
            rows.retain(|row| {
                let fits = before < reading.bytes;
                before += stored_bytes(row);
                fits
            });
            rows
        };
        if self.core.has(Plant::MarkFirst) {
            let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
            self.set_published(|row| numbers.contains(&row.number)).await?;
        }
        Ok(rows.into())
    }

    async fn mark(&self, leases: &[Lease], rows: &[(i32, i64)]) -> Result<u64, StoreError> {
        self.statement("mark").await?;
        let mine = self.mine(leases);
        self.set_published(|row| mine.contains(&row.range) && rows.contains(&(row.range, row.number))).await
    }

    async fn stop(&self, leases: &[Lease], refused: &[Refused]) -> Result<u64, StoreError> {
        self.statement("stop").await?;
        let mine = self.mine(leases);
        if self.core.has(Plant::RefusedForgotten) {
            return self.set_published(|row| refused.iter().any(|other| other.number == row.number)).await;
        }
        let mut stopped = 0;
        let mut tx = super::Tx::open(self);
        let waiting: Vec<StoppedRow> = {
            let state = lock(&self.state);
            let waiting = state.outbox.committed().filter(|entry| !entry.published).map(|entry| &entry.row);
            let refused = waiting
                .filter(|row| mine.contains(&row.range) && refused.iter().any(|refused| refused.number == row.number));
            refused.map(StoppedRow::of).collect()
        };
        for row in waiting {
            let same = |other: &StoppedRow| other.number == row.number || other.is_of_key(&row);
            stopped += u64::from(tx.insert_new(|state| &mut state.stopped, &row, same).await?);
        }
        tx.finish_alone()?;
        Ok(stopped)
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        let mut tx = self.alone("release").await?;
        lock(&self.state).relays.remove(&holder);
        for (place, row) in
            tx.take(|state| &mut state.leases, |row| row.holder == Some(holder), |row| row.range).await?
        {
            let row = LeaseRow { holder: None, expires_at: DateTime::<Utc>::MIN_UTC, ..row };
            tx.now_step(|state, _| state.leases.write(place, Some(row)));
        }
        tx.finish_alone()
    }
}

fn stored_bytes(row: &OutboxRow) -> usize {
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    // Headers are a JSON list there; nothing here comes near a limit but by its payload.
    length(&row.message.payload) + length(&row.message.key) + 2
}

impl<P: Participant> Model<P> {
    /// The ranges whose leases still are these.
    fn mine(&self, leases: &[Lease]) -> Vec<i32> {
        let state = lock(&self.state);
        let stands = |row: &&LeaseRow| leases.iter().any(|mine| mine.range == row.range && mine.epoch == row.epoch);
        state.leases.committed().filter(stands).map(|row| row.range).collect()
    }

    /// As an operator releases everything that is stopped.
    pub fn release_stopped(&self) -> usize {
        let mut tx = super::Tx::open(self);
        let released = tx.now_step(|state, id| {
            let places: Vec<u64> = state.stopped.snapshot(id).map(|(place, _)| place).collect();
            let free: Vec<u64> =
                places.into_iter().filter(|place| matches!(state.stopped.lock(id, *place), Ok(Some(_)))).collect();
            free.iter().for_each(|place| state.stopped.write(*place, None));
            free.len()
        });
        if tx.finish().is_ok() { released } else { 0 }
    }

    async fn set_published(&self, chosen: impl Fn(&OutboxRow) -> bool + Sync) -> Result<u64, StoreError> {
        let mut tx = super::Tx::open(self);
        let open = |entry: &super::OutboxEntry| !entry.published && chosen(&entry.row);
        let mut marked = 0;
        for (place, mut entry) in tx.take(|state| &mut state.outbox, open, |entry| entry.row.number).await? {
            entry.published = true;
            marked += 1;
            tx.now_step(|state, _| state.outbox.write(place, Some(entry)));
        }
        tx.finish_alone()?;
        Ok(marked)
    }
}

//! The outbox as a relay sees it: each call is a transaction of one statement.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::{
    outbox::OutboxRow,
    participant::Participant,
    relay::{Lane, Lease, Mark, OutboxStore, Published, Reading, Refused, Snapshot, Unpublished, fair_share},
    store::StoreError,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Model,
    state::{BlockRow, LeaseRow, State, StoppedRow},
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
            // (holder = $1) DESC NULLS LAST: mine, then another's, then those without a holder.
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

    async fn published(&self, leases: &[Lease]) -> Result<Vec<Published>, StoreError> {
        self.statement("published").await?;
        let state = lock(&self.state);
        let of = |row: &LeaseRow| {
            let beyond = |number: &i64| *number > row.through;
            let blocks = state.blocks.committed().filter(|block| block.range == row.range);
            let left = state.left_behind.committed().filter(|left| left.range == row.range).map(|left| left.number);
            let numbers: BTreeSet<i64> =
                blocks.flat_map(|block| block.numbers.clone()).chain(left).filter(beyond).collect();
            Published { range: row.range, through: row.through, beyond: numbers.into_iter().collect() }
        };
        let wanted = |row: &&LeaseRow| leases.iter().any(|lease| lease.range == row.range);
        Ok(state.leases.committed().filter(wanted).map(of).collect())
    }

    async fn writers(&self) -> Result<Vec<String>, StoreError> {
        self.statement("unpublished").await?;
        let state = lock(&self.state);
        Ok(if self.core.has(Plant::SettledTooSoon) { Vec::new() } else { state.under_way() })
    }

    async fn unpublished(&self, reading: &Reading) -> Result<Unpublished, StoreError> {
        self.statement("unpublished").await?;
        let found = lock(&self.state).read_outbox(reading, self.core.has(Plant::SettledTooSoon));
        if self.core.has(Plant::MarkFirst) {
            let rows: Vec<(i32, i64)> = found.rows.iter().map(|row| (row.range, row.number)).collect();
            self.add_blocks(&rows).await?;
        }
        Ok(found)
    }

    async fn mark(&self, leases: &[Lease], mark: &Mark) -> Result<Vec<i32>, StoreError> {
        let mut tx = self.alone("mark").await?;
        let stands = |row: &LeaseRow| leases.iter().any(|mine| mine.range == row.range && mine.epoch == row.epoch);
        let mine = tx.take(|state| &mut state.leases, stands, |row| row.range).await?;
        let ranges: Vec<i32> = mine.iter().map(|(_, row)| row.range).collect();
        let of_mine = |rows: &[(i32, i64)]| -> Vec<(i32, i64)> {
            rows.iter().filter(|(range, _)| ranges.contains(range)).copied().collect()
        };
        let caught_up = of_mine(&mark.caught_up);
        let gone = |row: &OutboxRow| caught_up.contains(&(row.range, row.number));
        tx.delete(|state| &mut state.left_behind, gone, |row| row.number).await?;
        if !self.core.has(Plant::LeftBehindForgotten) {
            tx.leave_behind(&of_mine(&mark.left_behind)).await?;
        }
        let through = of_mine(&mark.through);
        for (place, row) in mine {
            let Some((_, number)) = through.iter().find(|(range, _)| *range == row.range) else { continue };
            let moved = LeaseRow { through: row.through.max(*number), ..row };
            tx.now_step(|state, _| state.leases.write(place, Some(moved)));
        }
        let cleared = |block: &BlockRow| {
            let is_behind = |number: i64| block.numbers.iter().all(|other| *other <= number);
            through.iter().any(|(range, number)| *range == block.range && is_behind(*number))
        };
        tx.delete(|state| &mut state.blocks, cleared, |block| block.numbers.clone()).await?;
        tx.insert_blocks(&of_mine(&mark.published));
        tx.finish_alone()?;
        Ok(ranges)
    }

    async fn stop(&self, leases: &[Lease], refused: &[Refused]) -> Result<u64, StoreError> {
        self.statement("stop").await?;
        if self.core.has(Plant::RefusedForgotten) {
            let rows: Vec<(i32, i64)> = refused.iter().map(|row| (row.range, row.number)).collect();
            self.add_blocks(&rows).await?;
            return Ok(refused.len() as u64);
        }
        let mut tx = super::Tx::open(self);
        let stands = |row: &LeaseRow| leases.iter().any(|mine| mine.range == row.range && mine.epoch == row.epoch);
        let mine = tx.take(|state| &mut state.leases, stands, |row| row.range).await?;
        let of_mine: Vec<(i32, i64)> = refused
            .iter()
            .filter(|refused| mine.iter().any(|(_, row)| row.range == refused.range))
            .map(|refused| (refused.range, refused.number))
            .collect();
        let rows: Vec<StoppedRow> = {
            let state = lock(&self.state);
            let is_refused = |row: &&OutboxRow| of_mine.contains(&(row.range, row.number));
            state.outbox.committed().filter(is_refused).map(StoppedRow::of).collect()
        };
        for row in rows {
            let same = |other: &StoppedRow| other.number == row.number || other.is_of_key(&row);
            tx.insert_new(|state| &mut state.stopped, &row, same).await?;
        }
        tx.leave_behind(&of_mine).await?;
        tx.finish_alone()?;
        Ok(of_mine.len() as u64)
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

    async fn add_blocks(&self, rows: &[(i32, i64)]) -> Result<(), StoreError> {
        let mut tx = super::Tx::open(self);
        tx.insert_blocks(rows);
        tx.finish_alone()
    }
}

impl<P: Participant> super::Tx<P> {
    fn insert_blocks(&mut self, rows: &[(i32, i64)]) {
        let mut blocks: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        rows.iter().for_each(|(range, number)| blocks.entry(*range).or_default().push(*number));
        self.now_step(|state, id| {
            for (range, numbers) in blocks {
                state.blocks.insert(id, BlockRow { range, numbers });
            }
        });
    }

    async fn leave_behind(&mut self, rows: &[(i32, i64)]) -> Result<(), StoreError> {
        let rows: Vec<OutboxRow> = {
            let state = lock(&self.model.state);
            state.outbox.committed().filter(|row| rows.contains(&(row.range, row.number))).cloned().collect()
        };
        for row in rows {
            self.insert_new(|state| &mut state.left_behind, &row, |other| other.number == row.number).await?;
        }
        Ok(())
    }
}

impl<P: Participant> State<P> {
    /// What is committed, in one snapshot.
    fn read_outbox(&self, reading: &Reading, no_writer_is_at_work: bool) -> Unpublished {
        let mut found: Vec<(OutboxRow, bool, bool)> = Vec::new();
        for (range, behind) in &reading.ranges {
            let new = self.outbox.committed().filter(|row| row.range == *range && row.number > *behind);
            let mut new: Vec<&OutboxRow> = new.filter(|row| !reading.done.contains(&row.number)).collect();
            new.sort_by_key(|row| row.number);
            new.truncate(reading.rows_per_range());
            found.extend(new.into_iter().map(|row| (row.clone(), self.has_to_wait(row, reading), false)));
            let left = self.left_behind.committed().filter(|row| row.range == *range);
            let mut left: Vec<&OutboxRow> = left.filter(|row| !self.is_stopped(row, reading)).collect();
            left.sort_by_key(|row| row.number);
            left.truncate(reading.left_per_range());
            found.extend(left.into_iter().map(|row| (row.clone(), false, true)));
        }
        found.sort_by_key(|(row, ..)| row.number);
        let size = |(row, waits, _): &(OutboxRow, bool, bool)| if *waits { 0 } else { stored_bytes(row) };
        let mut bytes = 0;
        found.retain(|row| {
            let fits = bytes < reading.bytes;
            bytes += size(row);
            fits
        });
        found.truncate(reading.rows);
        let cut = found.len() >= reading.rows || found.iter().map(size).sum::<usize>() >= reading.bytes;
        let seen = |(range, behind): &(i32, i64)| {
            let new = || found.iter().filter(|(row, _, left)| row.range == *range && !left).map(|(row, ..)| row.number);
            let all = !cut && new().count() < reading.rows_per_range();
            (*range, if all { i64::MAX } else { new().max().unwrap_or(*behind) })
        };
        let (next, oldest) = self.in_progress();
        let oldest = if no_writer_is_at_work { next } else { oldest };
        Unpublished {
            seen: reading.ranges.iter().map(seen).collect(),
            waiting: found.iter().filter(|(_, waits, _)| *waits).map(|(row, ..)| (row.range, row.number)).collect(),
            rows: found.into_iter().filter(|(_, waits, _)| !waits).map(|(row, ..)| row).collect(),
            unreadable: Vec::new(),
            snapshot: Snapshot { oldest: oldest.cast_signed(), next: next.cast_signed() },
        }
    }

    fn is_stopped(&self, row: &OutboxRow, reading: &Reading) -> bool {
        reading.without_topics.contains(&row.message.topic)
            || self.stopped.committed().any(|stopped| stopped.stops(row))
    }

    /// Of a stopped key, of a topic that waits, or behind one of its key that was left behind.
    fn has_to_wait(&self, row: &OutboxRow, reading: &Reading) -> bool {
        let of_key = StoppedRow::of(row);
        let is_before = |left: &OutboxRow| left.number < row.number && StoppedRow::of(left).is_of_key(&of_key);
        self.is_stopped(row, reading) || self.left_behind.committed().any(is_before)
    }
}

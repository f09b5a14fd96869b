//! What follows a commit: wake-ups, calls, metrics, log lines.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use choreography_core::{
    handler::Progress,
    input::{RETRYING, VERDICTS, Verdict},
    outbox::OutboxRow,
    relay::{Feed, Lane},
};

use super::{CallQueue, Wakes};

/// Rows and bytes that wait for a relay in memory, several seconds' worth at full speed; rows that find no room are read from the table.
const FED_ROWS: usize = 20_000;
const FED_BYTES: usize = 16 << 20;

/// Shared by all loops of a service.
#[derive(Clone)]
pub struct PostCommit {
    pub wakes: Wakes,
    pub calls: CallQueue,
    /// The key ranges that this replica's relays hold.
    pub relay_ranges: Arc<Mutex<BTreeMap<Lane, Vec<i32>>>>,
    /// What the relays are handed.
    feeds: [Arc<Feed>; Lane::ALL.len()],
    /// When the deadline loop will look next, in milliseconds since 1970 by the database's clock.
    pub next_deadline: Arc<AtomicI64>,
}

impl PostCommit {
    pub fn new(wakes: Wakes, calls: CallQueue) -> Self {
        let next_deadline = Arc::new(AtomicI64::new(i64::MAX));
        let feeds = Lane::ALL.map(|_| Arc::new(Feed::new(FED_ROWS, FED_BYTES)));
        Self { wakes, calls, relay_ranges: Arc::default(), feeds, next_deadline }
    }

    /// What the relay of a lane is handed.
    pub fn feed(&self, lane: Lane) -> Arc<Feed> {
        self.feeds[lane as usize].clone()
    }

    /// The table of the outbox has, or may have, rows for the relay of a lane that were not handed on to it.
    pub fn look_into_the_table(&self, lane: Lane) {
        self.feed(lane).look_into_the_table();
        self.wakes.of_relay(lane).notify_one();
    }

    /// Call this once after every commit. Takes the calls that are to be made.
    pub fn of<R>(&self, progress: &mut Progress<R>) {
        self.hand_on(std::mem::take(&mut progress.published));
        self.wake_relays(&progress.ranges);
        self.calls.offer(std::mem::take(&mut progress.calls));
        if let Some(due) = progress.earliest_deadline
            && due.timestamp_millis() < self.next_deadline.load(Ordering::Relaxed)
        {
            self.wakes.deadlines.notify_one();
        }
        self.report(&progress.verdicts);
    }

    fn wake_relays(&self, ranges: &[i32]) {
        if ranges.is_empty() {
            return;
        }
        let mine = self.relay_ranges.lock().unwrap_or_else(PoisonError::into_inner);
        let lane_of = |range: &i32| mine.iter().find(|(_, held)| held.contains(range)).map(|(lane, _)| *lane);
        for range in ranges {
            match lane_of(range) {
                Some(lane) => self.look_into_the_table(lane),
                None => self.wakes.elsewhere.notify_one(),
            }
        }
    }

    /// Rows of ranges that this replica's relay holds go to it; the replicas that hold the others find theirs in the table.
    fn hand_on(&self, rows: Vec<OutboxRow>) {
        if rows.is_empty() {
            return;
        }
        let (mine, others): (Vec<_>, Vec<_>) = {
            let held = self.relay_ranges.lock().unwrap_or_else(PoisonError::into_inner);
            let held = held.get(&Lane::Events);
            rows.into_iter().partition(|row| held.is_some_and(|held| held.contains(&row.range)))
        };
        if !others.is_empty() {
            self.wakes.elsewhere.notify_one();
        }
        if !mine.is_empty() {
            self.feed(Lane::Events).offer(mine);
            self.wakes.relay.notify_one();
        }
    }

    fn report<R>(&self, verdicts: &[Option<Verdict<R>>]) {
        let mut counts = [0_u64; VERDICTS.len()];
        for verdict in verdicts.iter().flatten() {
            counts[verdict.index()] += 1;
        }
        for (name, count) in VERDICTS.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            metrics::counter!("saga_inputs_total", "verdict" => name).increment(count);
        }
        if counts[RETRYING] > 0 {
            self.wakes.retry.notify_one();
        }
    }
}

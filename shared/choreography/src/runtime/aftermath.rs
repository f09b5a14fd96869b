//! What follows a commit: wake-ups, calls, metrics, and a word to whoever watches.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use choreography_core::{
    door::Progress,
    input::{RETRYING, VERDICTS, Verdict},
    relay::Lane,
};

use super::{CallQueue, Wakes};

/// Shared by all loops of a service.
#[derive(Clone)]
pub struct Aftermath {
    pub wakes: Wakes,
    pub calls: CallQueue,
    /// The key ranges that this replica's relays hold.
    pub relay_ranges: Arc<Mutex<BTreeMap<Lane, Vec<i32>>>>,
    /// When the deadline loop will look next, in milliseconds since 1970 by the database's clock.
    pub next_deadline: Arc<AtomicI64>,
}

impl Aftermath {
    pub fn new(wakes: Wakes, calls: CallQueue) -> Self {
        let next_deadline = Arc::new(AtomicI64::new(i64::MAX));
        Self { wakes, calls, relay_ranges: Arc::default(), next_deadline }
    }

    /// Call this once after every commit. Takes the calls that are to be made.
    pub fn of<R>(&self, progress: &mut Progress<R>) {
        self.wake_relays(&progress.ranges);
        self.calls.offer(std::mem::take(&mut progress.intents));
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
                Some(lane) => self.wakes.of_relay(lane).notify_one(),
                None => self.wakes.elsewhere.notify_one(),
            }
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

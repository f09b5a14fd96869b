//! Chance, time and the story of a run.

use std::{
    future::poll_fn,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
};

use chrono::{DateTime, TimeDelta, Utc};
use engine::event_id::IdSource;
use uuid::Uuid;

/// A bug to inject into a run, which the checks must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Plant {
    /// Repeats have their effect again.
    NoInbox,
    /// Offsets are committed before the database.
    OffsetsFirst,
    /// An offset counts as committed when the commit was sent.
    CommitsForgotten,
    /// Outbox rows are marked before the broker acknowledged.
    MarkFirst,
    /// What the broker refuses counts as published.
    RefusedForgotten,
    /// Stock is released when shipping is off, before the money went back.
    StockFirst,
    /// A compensation that comes first leaves nothing behind.
    NoTombstone,
    /// Rows that are not there are not inserted before they are locked.
    AbsentNotLocked,
}

/// 2026-08-01, in milliseconds: event ids must lie in the inbox's window around the model's clock.
const START_MS: i64 = 1_785_542_400_000;

/// Shared by everything in a run.
pub struct Core {
    random: Mutex<u64>,
    steps: AtomicU64,
    faults: AtomicBool,
    pub plant: Option<Plant>,
    story: Option<Mutex<Vec<String>>>,
}

impl Core {
    pub fn new(seed: u64, plant: Option<Plant>, tell: bool) -> Self {
        Self {
            // An even mix of the seed's bits, never zero.
            random: Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03 | 1),
            steps: AtomicU64::new(0),
            faults: AtomicBool::new(true),
            plant,
            story: tell.then(Mutex::default),
        }
    }

    /// xorshift64*: good enough to pick with, and the same everywhere.
    pub fn random(&self) -> u64 {
        let mut state = lock(&self.random);
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn pick(&self, bound: usize) -> usize {
        usize::try_from(self.random() >> 1).unwrap_or(0) % bound.max(1)
    }

    /// A fault strikes once in so many times, while there are faults at all.
    pub fn fault(&self, one_in: usize) -> bool {
        let struck = self.pick(one_in) == 0;
        struck && self.faults.load(Ordering::Relaxed)
    }

    pub fn has(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub fn end_faults(&self) {
        self.faults.store(false, Ordering::Relaxed);
    }

    pub fn step(&self) -> u64 {
        self.steps.fetch_add(1, Ordering::Relaxed)
    }

    /// One step is one millisecond.
    pub fn now(&self) -> DateTime<Utc> {
        let steps = i64::try_from(self.steps.load(Ordering::Relaxed)).unwrap_or(0);
        DateTime::from_timestamp_millis(START_MS).unwrap_or_default() + TimeDelta::milliseconds(steps)
    }

    pub fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            let step = self.steps.load(Ordering::Relaxed);
            lock(story).push(format!("{step:>6}  {}", line()));
        }
    }

    pub fn story(&self) -> Vec<String> {
        self.story.as_ref().map(|story| lock(story).clone()).unwrap_or_default()
    }

    pub fn uuid(&self) -> Uuid {
        let now = u64::try_from(self.now().timestamp_millis()).unwrap_or(0);
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.random().to_be_bytes());
        bytes[8..].copy_from_slice(&self.random().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(now, &bytes).into_uuid()
    }
}

/// Event ids of a run.
pub struct SeededIds(pub std::sync::Arc<Core>);

impl IdSource for SeededIds {
    fn next(&mut self, _now: DateTime<Utc>) -> Uuid {
        self.0.uuid()
    }
}

/// Only one thread runs a schedule, so nobody ever waits here.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the schedule choose who goes on; the process may end here.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|_| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        Poll::Pending
    })
    .await;
}

//! Chance, time and the story of a run.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
};

use choreography_core::event_id::IdSource;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    coverage::Coverage,
    faults::{Fault, Rates},
    focus::{AFTER_ONE_IN, AIMED, AIMED_AFTER, AIMED_ONE_IN, FOCUS_ONE_IN, Focus, Tables},
    plant::Plant,
    poison::Poison,
};

/// 2026-08-01, in milliseconds: event ids must lie in the inbox's window around the model's clock.
const START_MS: i64 = 1_785_542_400_000;
/// How far the application's clock is from the database's, in seconds.
const SKEWS: [i64; 5] = [0, -90, 90, -86_400, 86_400];

/// Shared by everything in a run.
pub struct Core {
    random: Mutex<u64>,
    steps: AtomicU64,
    faults: AtomicBool,
    rates: Rates,
    /// What this schedule is about.
    pub focus: Focus,
    /// What is to strike the task that is driven, as soon as it pauses.
    aimed: Mutex<Option<Fault>>,
    skew: TimeDelta,
    plant: Option<Plant>,
    /// Which inputs fail.
    poison: Mutex<Option<Poison>>,
    story: Option<Mutex<Vec<String>>>,
    coverage: Mutex<Coverage>,
    /// The call that the task which is driven this moment has begun.
    at: Mutex<&'static str>,
    /// When the driven task wants to go on, if not at once.
    wakes_at: AtomicU64,
    /// The replica that is driven this moment; none: zero.
    member: AtomicU64,
    /// The task that is driven this moment ends its process.
    ends_process: AtomicBool,
}

impl Core {
    /// `tables`: what faults are aimed at. `tell`: whether the story is kept.
    pub fn new(seed: u64, plant: Option<Plant>, tell: bool, tables: &'static Tables) -> Self {
        // An even mix of the seed's bits, never zero.
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03 | 1;
        let mut focus = Focus::draw(tables, |bound| below(next(&mut random), bound));
        // It shows where a transaction draws a number and does not commit for long.
        focus.profile.standby |= plant == Some(Plant::SettledTooSoon);
        let rates = Rates::draw(focus.is_rare(), |bound| below(next(&mut random), bound));
        let skew = TimeDelta::seconds(SKEWS[below(next(&mut random), SKEWS.len())]);
        Self {
            random: Mutex::new(random),
            steps: AtomicU64::new(0),
            faults: AtomicBool::new(true),
            rates,
            focus,
            aimed: Mutex::new(None),
            skew,
            plant,
            poison: Mutex::default(),
            story: tell.then(Mutex::default),
            coverage: Mutex::default(),
            at: Mutex::new(""),
            wakes_at: AtomicU64::new(0),
            member: AtomicU64::new(0),
            ends_process: AtomicBool::new(false),
        }
    }

    /// The next random number.
    pub fn random(&self) -> u64 {
        next(&mut lock(&self.random))
    }

    /// A number below `bound`.
    pub fn pick(&self, bound: usize) -> usize {
        below(self.random(), bound)
    }

    /// Whether the fault strikes, at the call that is under way.
    pub fn strikes(&self, fault: Fault) -> bool {
        let focus = self.focus.is(self.at()) && self.has_faults() && self.pick(FOCUS_ONE_IN) == 0;
        let struck = focus || self.would_strike(fault);
        if struck {
            self.count_fault(fault, self.at());
        }
        struck
    }

    /// As [`strikes`](Self::strikes), of a fault that is counted where it has its effect.
    pub fn would_strike(&self, fault: Fault) -> bool {
        self.would_strike_at(fault, self.at())
    }

    /// Whether the fault strikes at this call.
    pub fn would_strike_at(&self, fault: Fault, call: &str) -> bool {
        let one_in = self.focus.leads(fault, call).unwrap_or(self.rates.one_in(fault));
        one_in > 0 && self.has_faults() && self.pick(one_in) == 0
    }

    /// Whether this bug is planted.
    pub fn has(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    /// From now on these inputs fail.
    pub fn set_poison(&self, poison: Option<Poison>) {
        *lock(&self.poison) = poison;
    }

    /// Which inputs fail in this schedule.
    pub fn poison(&self) -> Option<Poison> {
        *lock(&self.poison)
    }

    /// From now on nothing strikes any more.
    pub fn end_faults(&self) {
        self.faults.store(false, Ordering::Relaxed);
    }

    /// Whether faults strike still.
    pub fn has_faults(&self) -> bool {
        self.faults.load(Ordering::Relaxed)
    }

    /// Begins a step; its number.
    pub fn step(&self) -> u64 {
        self.steps.fetch_add(1, Ordering::Relaxed)
    }

    /// The database's clock. One step is one millisecond.
    pub fn now(&self) -> DateTime<Utc> {
        let steps = i64::try_from(self.steps.load(Ordering::Relaxed)).unwrap_or(0);
        DateTime::from_timestamp_millis(START_MS).unwrap_or_default() + TimeDelta::milliseconds(steps)
    }

    /// The application's clock, which may be far from the database's.
    pub fn application_now(&self) -> DateTime<Utc> {
        self.now() + self.skew
    }

    /// Adds a line to the story, if it is kept.
    pub fn report(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            let step = self.steps.load(Ordering::Relaxed);
            lock(story).push(format!("{step:>6}  {}", line()));
        }
    }

    /// The story so far.
    pub fn story(&self) -> Vec<String> {
        self.story.as_ref().map(|story| lock(story).clone()).unwrap_or_default()
    }

    /// The task that is driven begins this call.
    pub fn enter(&self, call: &'static str) {
        let before = std::mem::replace(&mut *lock(&self.at), call);
        if !self.has_faults() {
            return;
        }
        let aimed = match () {
            () if self.focus.is(call) => (self.pick(AIMED_ONE_IN) == 0).then(|| AIMED[self.pick(AIMED.len())]),
            () if self.focus.is(before) => {
                (self.pick(AFTER_ONE_IN) == 0).then(|| AIMED_AFTER[self.pick(AIMED_AFTER.len())])
            }
            () => AIMED
                .into_iter()
                .find(|fault| self.focus.leads(*fault, call).is_some_and(|one_in| self.pick(one_in) == 0)),
        };
        if aimed.is_some() {
            *lock(&self.aimed) = aimed;
        }
    }

    /// The task that is driven begins nothing for a while.
    fn rest(&self) {
        *lock(&self.at) = "";
    }

    /// Goes back to the call that a task had begun last.
    pub fn resume(&self, call: &'static str) {
        *lock(&self.at) = call;
        *lock(&self.aimed) = None;
    }

    /// Whether this is to strike the task that is driven; it does so once.
    pub fn is_aimed(&self, fault: Fault) -> bool {
        let mut aimed = lock(&self.aimed);
        let strikes = *aimed == Some(fault);
        if strikes {
            *aimed = None;
        }
        strikes
    }

    /// The call that the driven task has begun last.
    pub fn at(&self) -> &'static str {
        *lock(&self.at)
    }

    /// When the task that was just driven wants to go on, if not at once.
    pub fn wakes_at(&self) -> u64 {
        self.wakes_at.swap(0, Ordering::Relaxed)
    }

    /// From now on this replica is driven; zero: none.
    pub fn drive(&self, member: u64) {
        self.member.store(member, Ordering::Relaxed);
    }

    /// The replica that is driven this moment.
    pub fn member(&self) -> u64 {
        self.member.load(Ordering::Relaxed)
    }

    /// The driven replica's process ends, as soon as it pauses.
    pub fn end_process(&self) {
        self.ends_process.store(true, Ordering::Relaxed);
    }

    /// Whether the driven replica's process is to end now.
    pub fn process_ends(&self) -> bool {
        self.ends_process.swap(false, Ordering::Relaxed)
    }

    /// Counts that something was reached.
    pub fn count(&self, section: &'static str, what: &'static str) {
        lock(&self.coverage).count([section, what, "", ""]);
    }

    /// Nothing is counted of a task that is between two calls.
    pub fn count_fault(&self, fault: Fault, call: &'static str) {
        if call.is_empty() {
            return;
        }
        lock(&self.coverage).count(["fault", fault.name(), call, ""]);
    }

    /// Counts a cell.
    pub fn count_cell(&self, cell: crate::coverage::Cell) {
        lock(&self.coverage).count(cell);
    }

    /// What was reached so far.
    pub fn coverage(&self) -> Coverage {
        lock(&self.coverage).clone()
    }

    /// A UUIDv7 of this moment.
    pub fn uuid(&self) -> Uuid {
        self.uuid_at(self.now())
    }

    /// A UUIDv7 of that moment.
    pub fn uuid_at(&self, now: DateTime<Utc>) -> Uuid {
        let now = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.random().to_be_bytes());
        bytes[8..].copy_from_slice(&self.random().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(now, &bytes).into_uuid()
    }
}

/// xorshift64*: good enough to pick with, and the same everywhere.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

fn below(random: u64, bound: usize) -> usize {
    usize::try_from(random >> 1).unwrap_or(0) % bound.max(1)
}

/// Event ids of a run.
pub struct SeededIds(pub Arc<Core>);

impl IdSource for SeededIds {
    fn next(&mut self, now: DateTime<Utc>) -> Uuid {
        self.0.uuid_at(now)
    }
}

/// Only one thread runs a schedule, so this never waits.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the schedule choose which task goes on; the process may end here.
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

/// As [`pause`], for so many steps of the model's clock.
pub async fn sleep(core: &Core, steps: usize) {
    let until = core.steps.load(Ordering::Relaxed) + u64::try_from(steps).unwrap_or_default();
    core.wakes_at.store(until, Ordering::Relaxed);
    core.rest();
    pause().await;
}

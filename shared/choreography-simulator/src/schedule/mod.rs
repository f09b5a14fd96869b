//! A schedule: services are used for a while, faults strike, then everything comes to rest and is checked.

mod faults;
mod intruder;
mod junk;
mod parallel;
mod plan;
mod run;
mod unreadable_rows;

use std::{ops::Range, sync::Arc};

use choreography_core::{
    event_id::Window,
    policy::{Policy, RetryPolicy},
};
use chrono::TimeDelta;

use crate::{
    check,
    core::Core,
    coverage::Coverage,
    focus::{ANY_SERVICES, Tables},
    plant::Plant,
    poison::Poison,
    system::System,
};
pub use parallel::Many;
pub use plan::Plan;
use run::Running;

/// Far more than any run needs to come to rest.
const LAST_STEP: u64 = 150_000;
/// Lines of the story that a failed test shows.
const LAST_LINES: usize = 60;

/// What a schedule came to.
pub struct Outcome {
    /// What does not hold, a line each.
    pub findings: Vec<String>,
    /// What happened, in its order, with the step of each line. Told only if asked for.
    pub story: Vec<String>,
    /// A step is a millisecond of the model's clock.
    pub steps: u64,
    /// What it reached.
    pub coverage: Coverage,
}

pub(crate) const POLICY: Policy = Policy {
    window: Window { horizon: TimeDelta::days(30), skew: TimeDelta::minutes(10) },
    retry: RetryPolicy { base: TimeDelta::milliseconds(20), cap: TimeDelta::milliseconds(200), max_attempts: 4 },
    max_message_bytes: 1_000_000,
    ranges: 4,
    call_lease: TimeDelta::milliseconds(150),
};

/// Services, their clients and what must hold: set up anew for every seed.
pub struct Simulation<F> {
    set_up: F,
    tables: &'static Tables,
    plant: Option<Plant>,
}

impl<F: Fn(&mut System) + Sync> Simulation<F> {
    /// `set_up` fills an empty system. Whatever it draws it draws from the system's own `core`, so that a seed replays.
    pub fn new(set_up: F) -> Self {
        Self { set_up, tables: &ANY_SERVICES, plant: None }
    }

    /// Aims faults by tables of its own.
    #[must_use]
    pub fn aiming(self, tables: &'static Tables) -> Self {
        Self { tables, ..self }
    }

    /// Has the engine, its database or its broker do something wrong.
    #[must_use]
    pub fn planting(self, plant: Option<Plant>) -> Self {
        Self { plant, ..self }
    }

    /// Runs the schedule of a seed.
    pub fn run(&self, seed: u64) -> Outcome {
        self.schedule(seed, false)
    }

    /// Runs the schedule of a seed, and tells its story.
    pub fn tell(&self, seed: u64) -> Outcome {
        self.schedule(seed, true)
    }

    /// Runs the schedules of these seeds on all processors, until `enough` of them have findings. Which seeds are begun by
    /// then depends on the machine; what each of them does, does not.
    pub fn many(&self, seeds: Range<u64>, enough: usize) -> Many {
        parallel::many(seeds, enough, |seed| self.run(seed))
    }

    /// For a test: no schedule of these seeds breaks a rule.
    ///
    /// # Panics
    /// If one does: with its findings, the end of its story, and the seed that replays it.
    pub fn holds(&self, seeds: Range<u64>) {
        let Some((seed, findings)) = self.many(seeds, 1).findings.into_iter().next() else { return };
        let story = self.tell(seed).story;
        let last = story[story.len().saturating_sub(LAST_LINES)..].join("\n");
        panic!("seed {seed} breaks a rule:\n  {}\n\nhow it came to that, at last:\n{last}", findings.join("\n  "));
    }

    fn schedule(&self, seed: u64, tell: bool) -> Outcome {
        let core = Arc::new(Core::new(seed, self.plant, tell, self.tables));
        let mut system = System::new(core.clone());
        (self.set_up)(&mut system);
        let poisons = system.poisons.take().unwrap_or_else(|| system.any_poisons());
        core.set_poison(Poison::draw(core.focus.profile.poisoning, &poisons, |bound| core.pick(bound)));
        let mut running = Running::new(&mut system);
        let (steps, rested) = running.come_to_rest();
        let mut findings = std::mem::take(&mut running.findings);
        drop(running);
        findings.extend(check::check(&system));
        if !rested {
            findings.insert(0, format!("no rest after {steps} steps: {:?}", check::open_work(&system)));
        }
        check::count(&system);
        Outcome { findings, story: core.story(), steps, coverage: core.coverage() }
    }
}

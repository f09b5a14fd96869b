//! Many schedules, on all processors.

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::Outcome;
use crate::{core::lock, coverage::Coverage};

/// What came of many schedules.
#[derive(Default)]
pub struct Many {
    /// How many ran.
    pub schedules: u64,
    /// How many steps they took.
    pub steps: u64,
    /// What they reached.
    pub coverage: Coverage,
    /// By seed.
    pub findings: Vec<(u64, Vec<String>)>,
}

/// Runs schedules on all processors, until `enough` of them have findings.
pub fn many(seeds: Range<u64>, enough: usize, run: impl Fn(u64) -> Outcome + Sync) -> Many {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Many::default()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || lock(&all).findings.len() >= enough {
                        return;
                    }
                    let outcome = run(seed);
                    let mut all = lock(&all);
                    all.schedules += 1;
                    all.steps += outcome.steps;
                    all.coverage.add(&outcome.coverage);
                    if !outcome.findings.is_empty() {
                        all.findings.push((seed, outcome.findings));
                    }
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_default();
    all.findings.sort();
    all
}

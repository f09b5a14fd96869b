//! Many schedules, on all processors.

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::run;
use crate::{core::lock, coverage::Coverage, plant::Plant};

/// What came of many schedules.
#[derive(Default)]
pub struct Many {
    pub schedules: u64,
    pub steps: u64,
    pub coverage: Coverage,
    /// By seed.
    pub findings: Vec<(u64, Vec<String>)>,
}

/// Runs the schedules of these seeds, until `enough` of them have findings. Which seeds are begun by then depends on the
/// machine; what each of them does, does not.
pub fn many(seeds: Range<u64>, plant: Option<Plant>, enough: usize) -> Many {
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
                    let outcome = run(seed, plant, false);
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

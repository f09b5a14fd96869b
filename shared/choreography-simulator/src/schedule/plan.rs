//! What a schedule is like, drawn from its seed.

use chrono::TimeDelta;

use crate::{core::Core, database::Timeouts};

/// How long faults strike: a saga's beginning, a whole saga's time, or far longer.
const FAULTY_STEPS: [u64; 3] = [1_500, 4_000, 9_000];
/// Where they are aimed at a rare call, which comes late in a saga.
const AIMED_STEPS: u64 = 12_000;
const IDLE_IN_TRANSACTION: TimeDelta = TimeDelta::milliseconds(700);

pub struct Plan {
    pub faulty_steps: u64,
    /// Replicas of each service.
    pub replicas: usize,
    pub timeouts: Timeouts,
}

impl Plan {
    pub fn draw(core: &Core) -> Self {
        let lock = [300, if core.focus.profile.locks { 300 } else { 1_500 }][core.pick(2)];
        Self {
            faulty_steps: if core.focus.is_rare() { AIMED_STEPS } else { FAULTY_STEPS[core.pick(FAULTY_STEPS.len())] },
            replicas: core.pick(2) + 1,
            timeouts: Timeouts { lock: TimeDelta::milliseconds(lock), idle_in_transaction: IDLE_IN_TRANSACTION },
        }
    }
}

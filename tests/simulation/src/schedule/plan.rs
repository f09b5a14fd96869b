//! What a schedule is like, drawn from its seed.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{core::Core, database::Timeouts, poison::Poison};

/// How long an order may take, in milliseconds (steps): far too short for a saga, short, or long enough.
const DEADLINES: [u64; 5] = [900, 4_000, 15_000, 40_000, 40_000];
/// How long faults strike: a saga's beginning, a whole saga's time, or far longer.
const FAULTY_STEPS: [u64; 3] = [1_500, 4_000, 9_000];
/// Where they are aimed at a rare call, which comes late in a saga.
const AIMED_STEPS: u64 = 12_000;
const PIECES: [i64; 3] = [4, 12, MANY];
const MANY: i64 = 40;
const IDLE_IN_TRANSACTION: TimeDelta = TimeDelta::milliseconds(700);

pub struct Plan {
    pub deadline: Duration,
    pub faulty_steps: u64,
    /// In stock of each SKU.
    pub pieces: i64,
    /// Replicas of each service.
    pub replicas: usize,
    pub timeouts: Timeouts,
    pub poison: Option<Poison>,
}

impl Plan {
    pub fn draw(core: &Core) -> Self {
        let profile = &core.focus.profile;
        let lock = [300, if profile.locks { 300 } else { 1_500 }][core.pick(2)];
        let drawn = DEADLINES[core.pick(DEADLINES.len())];
        let suffices = profile.plenty || profile.returns;
        Self {
            deadline: Duration::from_millis(profile.deadline.unwrap_or(drawn)),
            faulty_steps: if core.focus.is_rare() { AIMED_STEPS } else { FAULTY_STEPS[core.pick(FAULTY_STEPS.len())] },
            pieces: if suffices { MANY } else { PIECES[core.pick(PIECES.len())] },
            replicas: core.pick(2) + 1,
            timeouts: Timeouts { lock: TimeDelta::milliseconds(lock), idle_in_transaction: IDLE_IN_TRANSACTION },
            poison: Poison::draw(profile.poisoning, |bound| core.pick(bound)),
        }
    }
}

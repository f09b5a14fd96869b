//! What holds at any moment.

use chrono::TimeDelta;

use crate::{core::lock, system::System};

/// A deadline that is due is told to the rules long before so many steps have gone by without any fault.
const LATE: u64 = 6_000;

/// `calm`: for so many steps nothing has struck.
pub fn at_any_moment(system: &System, calm: u64) -> Vec<String> {
    let mut findings: Vec<String> = system.always.iter().flat_map(|check| check(calm)).collect();
    if calm <= LATE {
        return findings;
    }
    let (now, late) = (system.core.now(), TimeDelta::milliseconds(i64::try_from(LATE).unwrap_or_default()));
    for service in &system.services {
        for set in lock(&service.handle.model.state).deadlines.committed().filter(|set| now - set.due_at > late) {
            findings
                .push(format!("the deadline of {} is due since {} and does not fire", set.aggregate_id, set.due_at));
        }
    }
    findings
}

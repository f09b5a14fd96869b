//! What must hold of any services: at any moment, and once everything rests.

mod aggregate_order;
mod deferred_events;
mod events;
mod moment;
mod reached;

pub use deferred_events::blamed;
pub use moment::at_any_moment;
pub use reached::count;

use choreography_core::{participant::Participant, store::DeferredStatus};

use crate::{core::lock, database::Model, probe::Probe, system::System};

/// Whether nothing is left to do. Parked events are for another to decide, so they are no work, but a finding.
pub fn rests(system: &System) -> bool {
    open_work(system).is_empty()
}

/// What is left to do.
pub fn open_work(system: &System) -> Vec<String> {
    system.services.iter().flat_map(|service| open_work_of(system, &service.handle.model)).collect()
}

fn open_work_of(system: &System, model: &Model<Probe>) -> Vec<String> {
    let parked = model.worth_a_redrive().len();
    let state = lock(&model.state);
    let retrying = state.deferred.committed().filter(|row| row.status != DeferredStatus::Parked).count();
    let unpublished = state.unpublished().count();
    let stopped = state.stopped.committed().count();
    let (deadlines, calls) = (state.deadlines.committed().count(), state.calls.committed().count());
    drop(state);
    let unread = usize::from(!lock(&system.kafka).is_read(model.name(), model.participant.reads()));
    [
        ("deferred", retrying),
        ("parked", parked),
        ("unpublished", unpublished),
        ("stopped", stopped),
        ("deadlines", deadlines),
        ("calls", calls),
        ("unread", unread),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| format!("{}: {count} {what}", model.name()))
    .collect()
}

/// Everything that is wrong at rest.
pub fn check(system: &System) -> Vec<String> {
    let mut findings: Vec<String> = system.at_rest.iter().flat_map(|check| check()).collect();
    for service in &system.services {
        events::check(system, &service.handle.model, &mut findings);
        deferred_events::check(&service.handle.model, &mut findings);
        aggregate_order::check(&service.handle.model, &mut findings);
    }
    findings
}

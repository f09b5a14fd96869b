//! What the schedule reached, as far as what is committed tells.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::store::DeferredStatus;
use uuid::Uuid;

use super::deferred_events;
use crate::{
    core::{Core, lock},
    database::{Committed, Model},
    probe::{Note, Probe},
    system::System,
    words::interned,
};

const CLASSES: [&str; 11] = [
    "refused",
    "panic",
    "database",
    "crash",
    "envelope",
    "header",
    "unknown-version",
    "foreign-topic",
    "payload",
    "event-id",
    "unpublishable",
];

pub fn count(system: &System) {
    system.services.iter().for_each(|service| count_service(&system.core, &service.handle.model));
    system.counts.iter().for_each(|count| count());
}

fn count_service(core: &Core, model: &Model<Probe>) {
    let state = lock(&model.state);
    let mut aggregates: BTreeMap<Uuid, String> = BTreeMap::new();
    for note in state.records.committed() {
        let Note::Taken(taken) = note else { continue };
        core.count_cell([model.name(), taken.from, taken.input, taken.to]);
        let transition = interned(format!("{}, {} → {}", taken.from, taken.input, taken.to));
        core.count_cell(["then", model.name(), transition, taken.then]);
        aggregates.extend(taken.id.zip(taken.aggregate_id.clone()));
    }
    count_deferred(core, &state.log, &aggregates);
    for class in state.outbox.committed().filter_map(|row| deferred_events::class(&row.message)) {
        if let Some(known) = CLASSES.iter().find(|known| **known == class) {
            core.count("dead letter", known);
        }
    }
}

/// How events were deferred, and which overtook.
fn count_deferred(core: &Core, log: &[Committed], aggregates: &BTreeMap<Uuid, String>) {
    let mut deferred: BTreeMap<Uuid, String> = BTreeMap::new();
    let ever: BTreeSet<Uuid> = log
        .iter()
        .filter_map(|change| if let Committed::Deferred(row, _) = change { Some(row.event.event.id) } else { None })
        .collect();
    for change in log {
        match change {
            Committed::Inbox(id) => {
                let aggregate = aggregates.get(id);
                if !ever.contains(id) && deferred.values().any(|of| Some(of) == aggregate) {
                    core.count("branch", "a compensation overtakes a deferred event");
                }
            }
            Committed::Deferred(row, before) => {
                deferred.insert(row.event.event.id, row.event.event.aggregate_id.clone());
                core.count("branch", became(*before, row.status));
            }
            Committed::Released(id) => {
                deferred.remove(id);
                core.count("branch", "a deferred event is handled after all");
            }
            Committed::Begins { .. } => {}
        }
    }
}

fn became(before: Option<DeferredStatus>, after: DeferredStatus) -> &'static str {
    use DeferredStatus::{Parked, Queued, Retrying};
    match (before, after) {
        (None, Retrying) => "an arrival fails and is retried",
        (None, Queued) => "an arrival queues behind a deferred event",
        (None, Parked) => "an arrival is parked at once",
        (Some(Retrying), Retrying) => "a retry fails and is retried",
        (Some(Retrying), Parked) => "a retry fails and is parked",
        (Some(Queued), Retrying) => "a queued event fails and is retried",
        (Some(Queued), Parked) => "a queued event is parked",
        (Some(Parked), Parked) => "a redriven event is refused again",
        (Some(Parked), Retrying) => "a redriven event fails and is retried",
        (Some(_), Queued) => "a deferred event queues once more",
    }
}

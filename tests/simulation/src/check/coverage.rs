//! What the schedule reached, as far as what is committed tells.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::store::HeldStatus;
use order::order_row::{OrderRow, Status};
use uuid::Uuid;

use super::held;
use crate::{
    core::lock,
    database::{Committed, Model},
    probe::{Note, Probe},
    schedule::Shop,
};

const CLASSES: [&str; 10] = [
    "refused",
    "panic",
    "database",
    "crash",
    "envelope",
    "unknown-version",
    "foreign-topic",
    "payload",
    "event-id",
    "unpublishable",
];

pub fn count(shop: &Shop) {
    count_service(shop, &shop.order);
    count_service(shop, &shop.inventory);
    count_service(shop, &shop.payment);
    count_service(shop, &shop.shipping);
    for (_, row) in lock(&shop.order.state).all::<OrderRow>() {
        match row.status {
            Status::Completed => shop.core.count("end", "completed"),
            Status::Cancelled => shop.core.count("end", "cancelled"),
            _ => {}
        }
    }
}

fn count_service(shop: &Shop, model: &Model<Probe>) {
    let state = lock(&model.state);
    let mut aggregates: BTreeMap<Uuid, String> = BTreeMap::new();
    for note in state.records.committed() {
        let Note::Taken(taken) = note else { continue };
        shop.core.count_cell([model.name(), taken.from, taken.input, taken.to]);
        aggregates.extend(taken.id.zip(taken.aggregate_id.clone()));
    }
    count_held(shop, &state.log, &aggregates);
    for class in state.outbox.committed().filter_map(|entry| held::class(&entry.row.message)) {
        if let Some(known) = CLASSES.iter().find(|known| **known == class) {
            shop.core.count("dead letter", known);
        }
    }
}

/// How events were held, and which overtook.
fn count_held(shop: &Shop, log: &[Committed], aggregates: &BTreeMap<Uuid, String>) {
    let mut held: BTreeMap<Uuid, String> = BTreeMap::new();
    let ever: BTreeSet<Uuid> = log
        .iter()
        .filter_map(|change| if let Committed::Held(row, _) = change { Some(row.event.event.id) } else { None })
        .collect();
    for change in log {
        match change {
            Committed::Inbox(id) => {
                let aggregate = aggregates.get(id);
                if !ever.contains(id) && held.values().any(|of| Some(of) == aggregate) {
                    shop.core.count("branch", "a compensation overtakes a held event");
                }
            }
            Committed::Held(row, before) => {
                held.insert(row.event.event.id, row.event.event.aggregate_id.clone());
                shop.core.count("branch", became(*before, row.status));
            }
            Committed::LetGo(id) => {
                held.remove(id);
                shop.core.count("branch", "a held event is handled after all");
            }
        }
    }
}

fn became(before: Option<HeldStatus>, after: HeldStatus) -> &'static str {
    use HeldStatus::{Parked, Queued, Retrying};
    match (before, after) {
        (None, Retrying) => "an arrival fails and is retried",
        (None, Queued) => "an arrival queues behind a held event",
        (None, Parked) => "an arrival is parked at once",
        (Some(Retrying), Retrying) => "a retry fails and is retried",
        (Some(Retrying), Parked) => "a retry fails and is parked",
        (Some(Queued), Retrying) => "a queued event fails and is retried",
        (Some(Queued), Parked) => "a queued event is parked",
        (Some(Parked), Parked) => "a redriven event is refused again",
        (Some(Parked), Retrying) => "a redriven event fails and is retried",
        (Some(_), Queued) => "a held event queues once more",
    }
}

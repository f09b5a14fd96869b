//! Publication, effects and order of appearance.

use std::collections::{BTreeMap, HashSet};

use choreography_core::{
    delivery::Delivery,
    envelope::Envelope,
    input::{Inbound, Origin},
    outbox::share_of,
    participant::Participant,
    reception,
};
use uuid::Uuid;

use crate::{
    core::lock,
    database::Model,
    kafka::PARTITIONS,
    probe::{Note, Probe},
    schedule::POLICY,
    system::System,
};

pub fn check(system: &System, model: &Model<Probe>, findings: &mut Vec<String>) {
    for row in lock(&model.state).deferred.committed() {
        findings.push(format!("{} defers {} ({:?})", model.name(), row.event.event.event_type, row.status));
    }
    check_effects(system, model, findings);
    check_publication(system, model, findings);
}

/// Whatever stands on its topics had one effect, or is kept as a dead message; nothing else had any.
fn check_effects(system: &System, model: &Model<Probe>, findings: &mut Vec<String>) {
    let state = lock(&model.state);
    let mut inbox: BTreeMap<Uuid, usize> = BTreeMap::new();
    state.inbox.committed().for_each(|id| *inbox.entry(*id).or_default() += 1);
    let mut taken: BTreeMap<Uuid, usize> = BTreeMap::new();
    for note in state.records.committed() {
        if let Note::Taken(note) = note {
            note.id.into_iter().for_each(|id| *taken.entry(id).or_default() += 1);
        }
    }
    for (what, times) in [("inbox rows", &inbox), ("effects", &taken)] {
        for (id, times) in times.iter().filter(|(_, times)| **times > 1) {
            findings.push(format!("event {id} has {times} {what} in {}", model.name()));
        }
    }
    let broker = lock(&system.kafka);
    let read = broker.logs.iter().filter(|((topic, _), _)| model.participant.reads().contains(&topic.as_str()));
    for delivery in read.flat_map(|(_, log)| log) {
        match arrives(system, model, delivery) {
            Arrival::Event(id) if inbox.contains_key(&id) && taken.contains_key(&id) => {}
            // It was set aside for a crash before it was read, and waits there.
            Arrival::Event(_) if state.dead.committed().any(|row| row.position == delivery.position) => {}
            Arrival::Event(id) => findings.push(format!(
                "event {id} stands at {:?}: inbox {:?}, effects {:?} in {}",
                delivery.position,
                inbox.get(&id),
                taken.get(&id),
                model.name()
            )),
            Arrival::Dead if state.dead.committed().any(|row| row.position == delivery.position) => {}
            Arrival::Dead => {
                findings.push(format!("{} does not keep what stands at {:?}", model.name(), delivery.position))
            }
            Arrival::Nothing => {}
        }
    }
}

enum Arrival {
    Event(Uuid),
    Dead,
    /// Of a type that the service does not handle.
    Nothing,
}

fn arrives(system: &System, model: &Model<Probe>, delivery: &Delivery) -> Arrival {
    match reception::receive(&*model.participant, delivery.clone()) {
        Inbound::Input(input) => match input.origin {
            Origin::Arrival(event) if POLICY.window.check(event.id, system.core.now()).is_ok() => {
                Arrival::Event(event.id)
            }
            _ => Arrival::Dead,
        },
        Inbound::Dead(..) => Arrival::Dead,
        _ => Arrival::Nothing,
    }
}

/// An event stands on its topic if and only if it was committed, once per effect, and first appears in commit order.
fn check_publication(system: &System, model: &Model<Probe>, findings: &mut Vec<String>) {
    let state = lock(&model.state);
    let broker = lock(&system.kafka);
    let mut committed: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut kinds = HashSet::new();
    for row in state.outbox.committed().filter(|row| !row.message.topic.ends_with(".dlq")) {
        let message = &row.message;
        let Ok(event) = Envelope::parse(message.key.as_deref(), message.payload.as_deref()) else { continue };
        let is_new = kinds.insert((event.aggregate_id.clone(), event.event_type.clone()));
        if system.once && !is_new {
            findings.push(format!("{} stated {} of {} twice", model.name(), event.event_type, event.aggregate_id));
        }
        committed.entry((message.topic.clone(), event.aggregate_id)).or_default().push(event.id.to_string());
    }
    for ((topic, key), expected) in committed {
        let partition = share_of(Some(key.as_bytes()), PARTITIONS);
        let log = broker.logs.get(&(topic.clone(), partition)).map(Vec::as_slice).unwrap_or_default();
        let mut appeared = Vec::new();
        for delivery in log.iter().filter(|delivery| delivery.key.as_deref() == Some(key.as_bytes())) {
            if let Ok(event) = Envelope::parse(delivery.key.as_deref(), delivery.payload.as_deref())
                && event.source.as_deref() == Some(model.name())
                && !appeared.contains(&event.id.to_string())
            {
                appeared.push(event.id.to_string());
            }
        }
        // What others forged is found by what it breaks, not by its id.
        appeared.retain(|id| expected.contains(id));
        if appeared != expected {
            findings.push(format!("{topic} of {key}: committed {expected:?}, appeared {appeared:?}"));
        }
    }
}

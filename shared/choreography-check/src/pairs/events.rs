//! Events without a reader, and readers without an event.

use super::Pairs;
use crate::{
    description::Description,
    kind::Kind,
    report::{Finding, Place},
};

/// Published, handled by no service, and no outcome.
pub(super) fn unhandled(pairs: &Pairs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in pairs.services() {
        let meant = service.publishes.iter().filter(|event| !service.outcomes.contains(event));
        for event in meant.filter(|event| !pairs.services().any(|reader| reader.handles(event))) {
            let ignores = pairs.services().filter(|reader| reader.ignores.contains(event));
            let ignores: Vec<&str> = ignores.map(|reader| reader.name.as_str()).collect();
            let what = match ignores.as_slice() {
                [] => "it is published, and no service reads it".to_owned(),
                ignores => format!("it is published, and ignored by {}", ignores.join(", ")),
            };
            let order = pairs.order(&service.name, event, format!("nobody: handles {event}"));
            found.push(Finding::new(
                Kind::UnhandledEvent,
                Place::new(service.name.clone(), event.clone()),
                what,
                order,
            ));
        }
    }
    found
}

/// Handled, and published by no service.
pub(super) fn unpublished(pairs: &Pairs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for reader in pairs.services() {
        for event in reader.handles.iter().filter(|event| !pairs.services().any(|other| other.publishes(event))) {
            let owner = reader.events.get(event).map_or("", |contract| contract.owner.as_str());
            let described = pairs.services().any(|service| service.name == owner);
            let what = if described {
                format!("it is handled, and {owner} does not publish it")
            } else {
                format!("it is handled, and {owner}, whose it is, is not described")
            };
            found.push(Finding::new(
                Kind::UnpublishedEvent,
                Place::new(reader.name.clone(), event.clone()),
                what,
                Vec::new(),
            ));
        }
    }
    found
}

/// Declared as published, and no line of the state table does it. What says so of a compensation is told by itself.
pub(super) fn unwritten(pairs: &Pairs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in pairs.services() {
        let Some(table) = &service.state_table else { continue };
        let written = |event: &&String| table.transitions.iter().any(|line| line.then.contains(event));
        let undoes = |event: &&String| service.compensations.values().any(|undone| undone == *event);
        for event in service.publishes.iter().filter(|event| !written(event) && !undoes(event)) {
            let what = "it is declared as published, and no line of the state_table publishes it".to_owned();
            let place = Place::new(service.name.clone(), event.clone());
            found.push(Finding::new(Kind::UnpublishedEvent, place, what, Vec::new()));
        }
    }
    found
}

/// On a topic that is read, and neither handled nor ignored.
pub(super) fn unanswered(pairs: &Pairs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for writer in pairs.services() {
        for event in &writer.publishes {
            let Some(contract) = writer.events.get(event) else { continue };
            let answers = |reader: &&Description| reader.handles(event) || reader.ignores.contains(event);
            let reads = pairs.services().filter(|reader| reader.reads.contains(&contract.topic));
            for reader in reads.filter(|reader| reader.name != writer.name && !answers(reader)) {
                let what = format!(
                    "{} publishes it on {}, and it is neither handled nor ignored",
                    writer.name, contract.topic
                );
                let order = pairs.order(&writer.name, event, format!("{}: passes over {event}", reader.name));
                let place = Place::new(reader.name.clone(), event.clone());
                found.push(Finding::new(Kind::UnansweredEvent, place, what, order));
            }
        }
    }
    found
}

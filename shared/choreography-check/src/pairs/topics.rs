//! Which service writes which topic, and where an event is looked for.

use super::Pairs;
use crate::{
    description::{Description, EventContract},
    kind::Kind,
    report::{Finding, Place},
};

/// Events on a topic whose owner is another.
pub(super) fn foreign(pairs: &Pairs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in pairs.services() {
        for event in &service.publishes {
            let Some(contract) = service.events.get(event) else { continue };
            let (topic, owner) = (&contract.topic, owner(pairs, service, contract));
            if owner != service.name {
                let what = format!("{topic} is {owner}'s");
                let then = format!("readers of {topic}: refuse {event}, since {} is not {owner}", service.name);
                let order = pairs.order(&service.name, event, then);
                let place = Place::new(service.name.clone(), event.clone());
                found.push(Finding::new(Kind::ForeignTopic, place, what, order));
            }
        }
    }
    found
}

/// The owner of a publication's topic: by the list of owners, by what the publisher says itself, and without a list the
/// first service that publishes there as the owner.
fn owner<'a>(pairs: &Pairs<'a>, service: &'a Description, contract: &'a EventContract) -> &'a str {
    let listed = pairs.choreography.owners.get(&contract.topic);
    match listed {
        Some(listed) if *listed != service.name => listed,
        _ if contract.owner != service.name => &contract.owner,
        Some(_) => &service.name,
        None => {
            let theirs = |of: &EventContract, name: &str| of.topic == contract.topic && of.owner == name;
            let claims = |other: &&Description| {
                let mut published = other.publishes.iter().filter_map(|event| other.events.get(event));
                published.any(|of| theirs(of, &other.name))
            };
            pairs.services().find(claims).map_or(&service.name, |first| &first.name)
        }
    }
}

/// Topics of others that a service asks to write, and has nothing to write to.
pub(super) fn claimed(pairs: &Pairs<'_>) -> Vec<Finding> {
    let owners = &pairs.choreography.owners;
    let mut found = Vec::new();
    for service in pairs.services() {
        let used = |topic: &String| {
            let mut contracts = service.publishes.iter().filter_map(|event| service.events.get(event));
            contracts.any(|contract| contract.topic == *topic)
        };
        for topic in service.writes.iter().filter(|topic| !used(topic)) {
            if let Some(owner) = owners.get(topic).filter(|owner| **owner != service.name) {
                let what = format!("it asks to write {topic}, which is {owner}'s");
                let place = Place::new(service.name.clone(), format!("writes {topic}"));
                found.push(Finding::new(Kind::ForeignTopic, place, what, Vec::new()));
            }
        }
    }
    found
}

/// Events that a service waits for elsewhere than where they come.
pub(super) fn mismatched(pairs: &Pairs<'_>) -> Vec<Finding> {
    let meetings = pairs.meetings().into_iter();
    let apart = meetings.filter(|of| of.written.topic != of.read.topic || of.written.owner != of.read.owner);
    apart
        .map(|of| {
            let (written, read) = (of.written, of.read);
            let what = format!(
                "it waits for it on {} of {}, and {} publishes it on {} of {}",
                read.topic, read.owner, of.writer.name, written.topic, written.owner
            );
            let then = format!("{}: does not get it", of.reader.name);
            let order = pairs.order(&of.writer.name, of.event, then);
            Finding::new(Kind::TopicMismatch, Place::new(of.reader.name.clone(), of.event), what, order)
        })
        .collect()
}

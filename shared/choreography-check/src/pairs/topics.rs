//! Who writes which topic, and where an event is looked for.

use super::Pairs;
use crate::{
    kind::Kind,
    report::{Finding, Place},
};

/// Events on a topic whose owner is another.
pub(super) fn foreign(pairs: &Pairs<'_>) -> Vec<Finding> {
    let owner_of = |topic: &str, said: &str| {
        let listed = pairs.choreography.owners.get(topic).cloned();
        listed.unwrap_or_else(|| said.to_owned())
    };
    let mut found = Vec::new();
    for service in pairs.services() {
        for event in &service.publishes {
            let Some(contract) = service.events.get(event) else { continue };
            let topic = &contract.topic;
            let mut owner = owner_of(topic, &contract.owner);
            if owner == service.name {
                // Without a list of owners, the first who says that a topic is theirs has it.
                let claims = |other: &&crate::Description| {
                    let theirs = |of: &crate::EventContract| of.topic == *topic && of.owner == other.name;
                    other.publishes.iter().filter_map(|event| other.events.get(event)).any(theirs)
                };
                owner = pairs.services().find(claims).map_or(owner, |first| first.name.clone());
            }
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

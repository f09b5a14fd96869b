//! What the descriptions say, as it is asked for here.

use std::collections::BTreeSet;

use crate::{
    description::{Description, EventContract},
    read::Choreography,
};

#[derive(Clone, Copy)]
pub(super) struct Declared<'a>(pub &'a Choreography);

impl<'a> Declared<'a> {
    pub fn services(self) -> impl Iterator<Item = &'a Description> {
        self.0.services.iter().map(|described| &described.service)
    }

    /// A service by its name or its consumer group.
    pub fn service(self, name: &str) -> Option<&'a Description> {
        self.services().find(|service| service.name == name || service.group() == name)
    }

    pub fn publishers(self, event: &str) -> impl Iterator<Item = &'a Description> {
        self.services().filter(move |service| service.publishes(event))
    }

    /// What its publishers say of an event.
    pub fn contracts(self, event: &str) -> Vec<&'a EventContract> {
        self.publishers(event).filter_map(|service| service.events.get(event)).collect()
    }

    /// All topics that a description or the owners' list names, but those of keys: no events are on them.
    pub fn topics(self) -> BTreeSet<&'a str> {
        let of = |service: &'a Description| {
            let events = service.events.values().map(|contract| &contract.topic);
            service.reads.iter().chain(&service.writes).chain(events)
        };
        let of_keys = |topic: &&'a String| {
            self.services().any(|service| service.owns_keys.contains(topic) || service.reads_keys.contains(topic))
        };
        let all = self.services().flat_map(of).chain(self.0.owners.keys());
        all.filter(|topic| !of_keys(topic)).map(String::as_str).collect()
    }

    /// Whose a topic is: by the owners' list, else of the service that writes it; else nobody's.
    pub fn owner(self, topic: &str) -> &'a str {
        let listed = self.0.owners.get(topic).map(String::as_str);
        let writes = |service: &&Description| service.writes.iter().any(|written| written == topic);
        listed.or_else(|| Some(self.services().find(writes)?.name.as_str())).unwrap_or("nobody")
    }

    /// Whether an event of this version may still be on a topic: its publisher writes it, or wrote it and says so.
    pub fn knows_version(self, event: &str, version: u32) -> bool {
        self.contracts(event).iter().any(|contract| contract.version == version || contract.accepts(version))
    }

    /// Whose compensation an event is: the step that it undoes.
    pub fn undoes(self, event: &str) -> Option<&'a str> {
        let mut all = self.services().flat_map(|service| service.compensations.iter());
        all.find(|(_, undone)| *undone == event).map(|(step, _)| step.as_str())
    }
}

/// The topics of a choreography, each of which may have dead letters beside it.
pub fn topics(choreography: &Choreography) -> BTreeSet<&str> {
    Declared(choreography).topics()
}

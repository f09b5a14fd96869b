//! Checks of the descriptions without exploring: whether what one writes is what others read.

mod contracts;
mod events;
mod groups;
mod tables;
mod topics;

use std::collections::BTreeMap;

use crate::{
    description::{Description, EventContract},
    read::Choreography,
    report::Finding,
};

/// The shortest run that publishes each event.
pub type Publications = BTreeMap<String, Vec<String>>;

/// All findings of this kind of checks.
pub fn findings(choreography: &Choreography, publications: &Publications) -> Vec<Finding> {
    let pairs = Pairs { choreography, publications };
    let checks: [fn(&Pairs<'_>) -> Vec<Finding>; 10] = [
        groups::shared,
        topics::foreign,
        topics::claimed,
        topics::mismatched,
        contracts::versions,
        contracts::fields,
        events::unhandled,
        events::unpublished,
        events::unwritten,
        events::unanswered,
    ];
    checks.iter().flat_map(|check| check(&pairs)).chain(tables::findings(&pairs)).collect()
}

struct Pairs<'a> {
    choreography: &'a Choreography,
    publications: &'a Publications,
}

impl<'a> Pairs<'a> {
    fn services(&self) -> impl Iterator<Item = &'a Description> + use<'a> {
        self.choreography.services.iter().map(|described| &described.service)
    }

    /// Every publication that a service handles: the publisher and the reader with what each knows of the event.
    fn meetings(&self) -> Vec<Meeting<'a>> {
        let mut meetings = Vec::new();
        for writer in self.services() {
            for event in &writer.publishes {
                for reader in self.services().filter(|reader| reader.handles(event)) {
                    if let (Some(written), Some(read)) = (writer.events.get(event), reader.events.get(event)) {
                        meetings.push(Meeting { event, writer, written, reader, read });
                    }
                }
            }
        }
        meetings
    }

    /// The shortest run that publishes the event, and what becomes of it then.
    fn order(&self, publisher: &str, event: &str, then: String) -> Vec<String> {
        let known = self.publications.get(event).cloned();
        let mut order = known.unwrap_or_else(|| vec![format!("{publisher}: publishes {event}")]);
        order.push(then);
        order
    }
}

struct Meeting<'a> {
    event: &'a str,
    writer: &'a Description,
    written: &'a EventContract,
    reader: &'a Description,
    read: &'a EventContract,
}

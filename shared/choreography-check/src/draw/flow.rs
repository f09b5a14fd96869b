//! The way of the events from service to service. What leads back is drawn with dots.

use std::collections::{BTreeMap, BTreeSet};

use super::quoted;
use crate::{description::Description, reactions};

pub(super) fn of(services: &[&Description]) -> String {
    let ways = Ways::of(services);
    let mut flow = String::from("flowchart LR\n");
    for (index, service) in services.iter().enumerate() {
        flow.push_str(&format!("    s{index}[{}]\n", quoted(&service.name)));
    }
    for (index, service) in services.iter().enumerate() {
        if !service.commands.is_empty() {
            flow.push_str(&format!(
                "    c{index}([\"clients\"]) -->|{}| s{index}\n",
                quoted(&service.commands.join(", "))
            ));
        }
    }
    for (from, writer) in services.iter().enumerate() {
        for (to, reader) in services.iter().enumerate() {
            flow.push_str(&ways.between(writer, from, reader, to));
        }
    }
    for (index, service) in services.iter().enumerate() {
        if !service.calls.is_empty() {
            flow.push_str(&format!(
                "    s{index} -->|{}| p{index}([\"outside\"])\n",
                quoted(&service.calls.join(", "))
            ));
        }
        let unheard = service.outcomes.iter().filter(|event| !services.iter().any(|reader| reader.handles(event)));
        for (number, outcome) in unheard.enumerate() {
            flow.push_str(&format!("    s{index} --> o{index}_{number}([{}])\n", quoted(outcome)));
        }
    }
    flow
}

/// Which events lead on, and which back.
struct Ways<'a> {
    /// Those that the pivot can follow from, and those that follow from it; `None` where no service has one.
    forward: Option<BTreeSet<&'a str>>,
}

impl<'a> Ways<'a> {
    fn of(services: &[&'a Description]) -> Self {
        let Some(pivot) = services.iter().find_map(|service| service.pivot.as_deref()) else {
            return Self { forward: None };
        };
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for table in services.iter().filter_map(|service| service.state_table.as_ref()) {
            for (cause, event) in reactions::causes(table) {
                next.entry(cause.unwrap_or_default()).or_default().insert(event);
            }
        }
        let follow = |from: &'a str| {
            let (mut reached, mut open) = (BTreeSet::from([from]), vec![from]);
            while let Some(event) = open.pop() {
                for after in next.get(event).into_iter().flatten() {
                    if reached.insert(after) {
                        open.push(after);
                    }
                }
            }
            reached
        };
        let before = next.keys().copied().filter(|event| follow(event).contains(pivot));
        let forward = before.chain(follow(pivot)).collect();
        Self { forward: Some(forward) }
    }

    /// Without a pivot that is back which overtakes what waits.
    fn leads_back(&self, event: &str, reader: &Description) -> bool {
        match &self.forward {
            Some(forward) => !forward.contains(event),
            None => reader.compensates.iter().any(|back| back == event),
        }
    }

    /// The events from one service to another: an arrow for those that lead on, one for those that lead back.
    fn between(&self, writer: &Description, from: usize, reader: &Description, to: usize) -> String {
        let events = || writer.publishes.iter().filter(|event| reader.handles(event));
        let arrow = |arrow: &str, back: bool| {
            let events: Vec<&str> =
                events().filter(|event| self.leads_back(event, reader) == back).map(String::as_str).collect();
            if events.is_empty() {
                return String::new();
            }
            format!("    s{from} {arrow}|{}| s{to}\n", quoted(&events.join("<br/>")))
        };
        arrow("-->", false) + &arrow("-.->", true)
    }
}

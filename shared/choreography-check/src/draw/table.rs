//! Who reacts to what and publishes what; and each topic.

use std::collections::BTreeMap;

use super::code;
use crate::{description::Description, read::Choreography};

/// All services. `at`: where each has its place, with NAME for its name.
pub(super) fn of(services: &[&Description], at: Option<&str>) -> String {
    let mut table = String::from("| service | reacts to | publishes |\n|---|---|---|\n");
    for service in services {
        let name = match at {
            Some(path) => format!("[{}]({})", service.name, path.replace("NAME", &service.name)),
            None => service.name.clone(),
        };
        table.push_str(&format!("| {name} | {} | {} |\n", reacts_to(service), code(&service.publishes)));
    }
    table
}

/// Events first, then what is the service's own.
fn reacts_to(service: &Description) -> String {
    let mut parts = vec![code(&service.handles)];
    let own = [("commands", &service.commands), ("answers to", &service.calls), ("deadlines", &service.deadlines)];
    parts.extend(
        own.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("{what} {}", names.join(", "))),
    );
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// One service: what it consumes and publishes, with the topics, and what else is its own.
pub(super) fn of_one(service: &Description) -> String {
    let or_nothing = |text: String| if text.is_empty() { "nothing".to_owned() } else { text };
    let rows = [
        ("consumes", or_nothing(by_topic(service, &service.handles))),
        ("which overtake parked events", code(&service.compensates)),
        ("passes over", code(&service.ignores)),
        ("publishes", or_nothing(by_topic(service, &service.publishes))),
        ("commands", service.commands.join(", ")),
        ("deadlines", service.deadlines.join(", ")),
        ("external calls", service.calls.join(", ")),
        ("owns the keys on", code(&service.owns_keys)),
        ("reads the keys on", code(&service.reads_keys)),
        ("tables", code(&service.tables)),
    ];
    let mut table = String::from("| | |\n|---|---|\n");
    for (what, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
        table.push_str(&format!("| {what} | {text} |\n"));
    }
    table
}

fn by_topic(service: &Description, events: &[String]) -> String {
    let mut topics: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for event in events {
        let topic = service.events.get(event).map_or("no topic", |contract| contract.topic.as_str());
        topics.entry(topic).or_default().push(event);
    }
    topics.into_iter().map(|(topic, events)| format!("{} (`{topic}`)", code(events))).collect::<Vec<_>>().join("; ")
}

/// Each topic.
pub(super) fn of_topics(choreography: &Choreography, services: &[&Description]) -> String {
    let mut table = String::from("| topic | its owner | published there | read by |\n|---|---|---|---|\n");
    for (topic, owner) in &choreography.owners {
        let published = services.iter().flat_map(|service| {
            service.publishes.iter().filter(|event| service.events.get(*event).is_some_and(|of| of.topic == *topic))
        });
        let is_of_keys = services.iter().any(|service| service.owns_keys.contains(topic));
        let published = if is_of_keys { "keys of personal data".to_owned() } else { code(published) };
        let reads = |service: &&&Description| service.reads.contains(topic) || service.reads_keys.contains(topic);
        let readers = services.iter().filter(reads);
        let readers: Vec<&str> = readers.map(|service| service.name.as_str()).collect();
        table.push_str(&format!("| `{topic}` | {owner} | {published} | {} |\n", readers.join(", ")));
    }
    table
}

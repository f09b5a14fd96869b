//! What a description may not ask for. It grants nothing that the list of owners does not.

use std::collections::BTreeMap;

use super::{EventContract, OWNERS, Part};

/// Names that are taken: users of Kafka and roles of PostgreSQL, databases, and readers of secrets.
const TAKEN: [&str; 12] = [
    "admin",
    "anonymous",
    "broker",
    "kafka",
    "load",
    "operator",
    "originals",
    "postgres",
    "prometheus",
    "sandbox",
    "template0",
    "template1",
];
/// What the names of jobs and their secrets end in.
const OF_JOBS: [&str; 3] = ["-migrations", "-setup", "-tokens"];
/// PostgreSQL's names have 63 bytes, and the owner's role has some more than its service.
const LONGEST: usize = 50;

/// Everything that is wrong with a part that was read from a service's file. Each line names a field.
pub(super) fn of(part: &Part, of_file: &str, owners: &BTreeMap<String, String>) -> Vec<String> {
    let name = &part.service;
    if name != of_file {
        return vec![format!(
            "name: it is {name}, which {name}.json describes: a group, a user and a database are one service's alone"
        )];
    }
    let mut wrong: Vec<String> = wrong_name(name).into_iter().map(|wrong| format!("name: {wrong}")).collect();
    for (field, topics) in [("writes", &part.writes), ("owns_keys", &part.owns_keys)] {
        for topic in topics {
            match owners.get(topic) {
                Some(owner) if owner == name => {}
                Some(owner) => {
                    wrong.push(format!("{field}: {topic} is {owner}'s, not {name}'s: publish on a topic of your own"));
                }
                None => wrong.push(format!("{field}: {topic} has no owner: name it in {OWNERS}")),
            }
        }
    }
    for (field, topics) in [("reads", &part.reads), ("reads_keys", &part.reads_keys)] {
        for topic in topics.iter().filter(|topic| !owners.contains_key(*topic)) {
            wrong.push(format!("{field}: {topic} has no owner: name it in {OWNERS}"));
        }
    }
    for topic in part.owns_keys.iter().filter(|topic| part.writes.contains(topic)) {
        wrong.push(format!("owns_keys: {topic} is among writes: keys have a topic of their own, which is compacted"));
    }
    let named = [("handles", &part.handles), ("ignores", &part.ignores), ("publishes", &part.publishes)];
    for (field, types) in named {
        for event in types.iter().filter(|event| !part.events.contains_key(*event)) {
            wrong.push(format!("{field}: events does not describe {event}"));
        }
    }
    for (event, EventContract { topic, owner, .. }) in &part.events {
        if owners.get(topic) != Some(owner) {
            let owner_is = owners.get(topic).map_or("no service", String::as_str);
            wrong.push(format!("events.{event}: owner: it is {owner}, but {topic} is {owner_is}'s"));
        }
        if part.publishes.contains(event) && !part.writes.contains(topic) {
            wrong.push(format!("publishes: {event} belongs on {topic}, which is not among writes"));
        }
    }
    wrong
}

/// What is wrong with a service's name, if anything: it becomes a user, a role, a group, a database, a folder and a host.
pub(super) fn wrong_name(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if name.len() > LONGEST || !begins || name.ends_with('-') || !name.chars().all(fits) {
        return Some(format!("{name:?} is no service's name: up to {LONGEST} of a-z, 0-9 and -, the first a letter"));
    }
    let taken = TAKEN.contains(&name) || OF_JOBS.iter().any(|end| name.ends_with(end));
    taken.then(|| format!("{name} is taken already: choose another name"))
}

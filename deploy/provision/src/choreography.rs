//! Who reads and writes what, as the services describe themselves, as far as the topics' owners agree.

use std::{collections::BTreeMap, sync::LazyLock};

use include_dir::{Dir, include_dir};
use serde::Deserialize;

/// Partitions of every topic: how many replicas of a service can share its work.
pub const PARTITIONS: i32 = 12;
const DAY_MS: i64 = 86_400_000;
const RETENTION_DAYS: i64 = 7;
/// Dead letters are the original bytes and some kilobytes of headers.
const DEAD_LETTER_BYTES: usize = 2_000_000;

/// What `SERVICE describe` prints, a file per service, and which service owns which topic.
static DESCRIPTIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../choreography");
const OWNERS: &str = "owners.json";

/// One service's part in the choreography.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// Its name: database, role, Kafka user and consumer group.
    #[serde(rename = "name")]
    pub service: &'static str,
    pub reads: Vec<&'static str>,
    pub writes: Vec<&'static str>,
}

/// Every service that is described in `deploy/choreography/` itself; folders below it are examples. A service of your own takes
/// part by a file there.
pub static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let described = DESCRIPTIONS.files().filter(|file| !file.path().ends_with(OWNERS));
    let mut parts: Vec<Part> = described.map(read).collect();
    parts.sort_by_key(|part| part.service);
    let owners = DESCRIPTIONS.get_file(OWNERS).map(read).unwrap_or_default();
    assert!(!parts.is_empty(), "deploy/choreography describes no service");
    let wrong = contradictions(&parts, &owners);
    assert!(wrong.is_empty(), "deploy/choreography contradicts itself:\n  {}", wrong.join("\n  "));
    parts
});

fn read<T: Deserialize<'static>>(file: &'static include_dir::File<'static>) -> T {
    let path = file.path().display();
    let text = file.contents_utf8().unwrap_or_else(|| panic!("deploy/choreography/{path} is no text"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("deploy/choreography/{path}: {error}"))
}

/// What the descriptions ask for and the owners do not grant. Each line names one thing, and what to do.
fn contradictions(parts: &[Part], owners: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut names = BTreeMap::new();
    for part in parts {
        let service = part.service;
        if names.insert(service, ()).is_some() {
            wrong.push(format!("{service} is described twice: a group and a database are one service's alone"));
        }
        for topic in &part.writes {
            match owners.get(topic) {
                Some(owner) if *owner == service => {}
                Some(owner) => {
                    wrong.push(format!("{service} writes {topic}, which is {owner}'s: publish on its own topic"))
                }
                None => wrong.push(format!("{service} writes {topic}, which has no owner: name it in {OWNERS}")),
            }
        }
        for topic in part.reads.iter().filter(|topic| !owners.contains_key(*topic)) {
            wrong.push(format!("{service} reads {topic}, which has no owner: name it in {OWNERS}"));
        }
    }
    wrong
}

/// A topic to be made, with one replica unless the settings say otherwise.
#[derive(Debug, Clone)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: i32,
    pub replicas: i32,
    /// Topic settings by name, as `retention.ms`.
    pub config: Vec<(String, String)>,
}

impl TopicSpec {
    /// A topic with the broker's own settings.
    pub fn new(name: impl Into<String>, partitions: i32) -> Self {
        Self { name: name.into(), partitions, replicas: 1, config: Vec::new() }
    }
}

/// All topics of the choreography, with their dead-letter topics.
#[must_use]
pub fn topics() -> Vec<TopicSpec> {
    let mut topics = Vec::new();
    for name in contracts::topic::ALL {
        let mut events = TopicSpec::new(name, PARTITIONS);
        events.config = vec![
            ("retention.ms".into(), (RETENTION_DAYS * DAY_MS).to_string()),
            ("segment.ms".into(), DAY_MS.to_string()),
        ];
        let mut dead = TopicSpec::new(contracts::topic::dead_letter_topic(name), PARTITIONS);
        dead.config = vec![("max.message.bytes".into(), DEAD_LETTER_BYTES.to_string())];
        topics.extend([events, dead]);
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(service: &'static str, reads: &[&'static str], writes: &[&'static str]) -> Part {
        Part { service, reads: reads.to_vec(), writes: writes.to_vec() }
    }

    #[test]
    fn the_shop_takes_part_as_its_services_describe_it() {
        let services: Vec<&str> = PARTS.iter().map(|part| part.service).collect();
        assert_eq!(services, ["inventory", "order", "payment", "shipping"]);
        let payment = PARTS.iter().find(|part| part.service == "payment").unwrap();
        assert_eq!(*payment, part("payment", &["inventory-events", "shipping-events"], &["payment-events"]));
    }

    #[test]
    fn a_description_grants_nothing_that_the_owners_do_not() {
        let owners = BTreeMap::from([("order-events", "order"), ("payment-events", "payment")]);
        let fine = [part("order", &["payment-events"], &["order-events"]), part("mail", &["order-events"], &[])];
        assert_eq!(contradictions(&fine, &owners), [""; 0]);
        let wrong = [part("order", &["lost-events"], &["payment-events"]), part("order", &[], &["new-events"])];
        assert_eq!(
            contradictions(&wrong, &owners),
            [
                "order writes payment-events, which is payment's: publish on its own topic",
                "order reads lost-events, which has no owner: name it in owners.json",
                "order is described twice: a group and a database are one service's alone",
                "order writes new-events, which has no owner: name it in owners.json",
            ]
        );
    }
}

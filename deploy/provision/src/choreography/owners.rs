//! The owner of each topic. A topic may be named once: of two entries the last would win in silence.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use super::{part::parse, refusals::wrong_name};

/// What stands behind a topic's name where its dead letters are; such topics come with their own.
const DEAD_LETTERS: &str = ".dlq";

struct Owners(BTreeMap<String, String>);

/// The owner of each topic.
pub(super) fn read(json: &[u8]) -> Result<BTreeMap<String, String>, String> {
    parse::<Owners>(json).map(|owners| owners.0)
}

impl<'de> Deserialize<'de> for Owners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Owners;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of topics and their owners")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Owners, A::Error> {
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        while let Some((topic, owner)) = entries.next_entry::<String, String>()? {
            if let Some(wrong) = wrong_topic(&topic).or_else(|| wrong_name(&owner)) {
                return Err(A::Error::custom(format!("{topic}: {wrong}")));
            }
            if let Some(first) = owners.get(&topic) {
                let both = format!("{topic}: it is {first}'s and {owner}'s: a topic has one owner");
                return Err(A::Error::custom(both));
            }
            owners.insert(topic, owner);
        }
        Ok(Owners(owners))
    }
}

fn wrong_topic(topic: &str) -> Option<String> {
    if topic.ends_with(DEAD_LETTERS) {
        return Some(format!("a topic of dead letters comes with its own: leave {DEAD_LETTERS} to those"));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    let fine = (1..=200).contains(&topic.len()) && topic.chars().all(fits) && !topic.starts_with(['.', '_']);
    (!fine).then(|| "a topic's name is of a-z, 0-9, -, . and _, and begins with a letter or a digit".to_owned())
}

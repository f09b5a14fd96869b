//! The topics that the owners' list names.

use choreography::TopicMoves;
use contracts::topic::dead_letter_topic;

use super::SHOP;
use crate::{ProvisionError, Result};

/// Partitions of every topic, unless it is said otherwise: how many replicas of a service can share its work. Each has its
/// price: a batch of events goes to Kafka in a request for each partition that it touches.
pub const PARTITIONS: i32 = 6;
const DAY_MS: i64 = 86_400_000;
const RETENTION_DAYS: i64 = 7;
/// Keys of personal data: how long a segment is written to, and how long a message may be there that a later one of its key replaces.
const KEYS_SEGMENT_MS: i64 = 3_600_000;
/// How long an erasure stays on their topic: for as long as events may come that were sealed under an erased key (`EVENT_HORIZON`), a
/// reader that begins at the beginning must learn of it.
const ERASURES_DAYS: i64 = 30;
/// Dead letters are the original bytes and some kilobytes of headers.
const DEAD_LETTER_BYTES: usize = 2_000_000;

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
    SHOP.owners.keys().flat_map(|name| with_what_belongs_to(name)).collect()
}

/// All topics that have not moved, with their dead-letter topics. A topic of keys does not move ([`may_move`]).
#[must_use]
pub fn topics_but(moves: &TopicMoves) -> Vec<TopicSpec> {
    let stays = |name: &&String| moves.current(name) == name.as_str();
    SHOP.owners.keys().filter(stays).flat_map(|name| with_what_belongs_to(name)).collect()
}

/// The topics that take the place of others, with their dead-letter topics.
#[must_use]
pub fn successors(moves: &TopicMoves) -> Vec<TopicSpec> {
    moves.iter().flat_map(|each| with_dead_letters(&each.to)).collect()
}

/// Topics of keys stand alone: nobody handles what is on them, so nothing of it becomes a dead letter.
fn with_what_belongs_to(name: &str) -> Vec<TopicSpec> {
    if is_of_keys(name) { vec![keys(name)] } else { with_dead_letters(name).into() }
}

/// Whether keys travel on a topic, not events.
#[must_use]
pub fn is_of_keys(name: &str) -> bool {
    SHOP.parts.iter().any(|part| part.owns_keys.iter().any(|owned| owned == name))
}

/// Checks that no topic of keys moves: whoever reads keys follows one topic from its beginning.
///
/// # Errors
/// [`ProvisionError::Keys`] names the topic.
pub fn may_move(moves: &TopicMoves) -> Result<()> {
    match moves.iter().find(|each| is_of_keys(&each.from)) {
        Some(each) => Err(ProvisionError::Keys(each.from.clone())),
        None => Ok(()),
    }
}

fn with_dead_letters(name: &str) -> [TopicSpec; 2] {
    let mut events = TopicSpec::new(name, PARTITIONS);
    events.config =
        vec![("retention.ms".into(), (RETENTION_DAYS * DAY_MS).to_string()), ("segment.ms".into(), DAY_MS.to_string())];
    let mut dead = TopicSpec::new(dead_letter_topic(name), PARTITIONS);
    dead.config = vec![("max.message.bytes".into(), DEAD_LETTER_BYTES.to_string())];
    [events, dead]
}

/// A topic of keys: compacted, and soon, so that an erased key is gone from the broker's disks.
fn keys(name: &str) -> TopicSpec {
    let mut keys = TopicSpec::new(name, PARTITIONS);
    keys.config = [
        ("cleanup.policy", "compact".to_owned()),
        ("segment.ms", KEYS_SEGMENT_MS.to_string()),
        ("max.compaction.lag.ms", KEYS_SEGMENT_MS.to_string()),
        ("min.cleanable.dirty.ratio", "0.01".to_owned()),
        ("delete.retention.ms", (ERASURES_DAYS * DAY_MS).to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    keys
}

#[cfg(test)]
mod tests {
    use contracts::topic::CUSTOMER_KEYS;

    use super::*;

    #[test]
    fn keys_are_compacted_and_have_no_dead_letters_and_events_are_kept_for_a_time() {
        let topics = topics();
        let config = |name: &str| topics.iter().find(|topic| topic.name == name).map(|topic| topic.config.clone());
        let is_compacted = |name: &str| {
            config(name).is_some_and(|config| config.contains(&("cleanup.policy".to_owned(), "compact".to_owned())))
        };
        assert!(is_compacted(CUSTOMER_KEYS) && !is_compacted("order-events"));
        assert_eq!(config(&dead_letter_topic(CUSTOMER_KEYS)), None);
    }

    #[test]
    fn a_topic_of_keys_does_not_move() {
        let may = |moves: &str| may_move(&moves.parse().unwrap()).map_err(|error| error.to_string());
        assert_eq!(may("both:order-events:order-events.v2"), Ok(()));
        let refused = may("both:order-events:order-events.v2,both:customer-keys:customer-keys.v2").unwrap_err();
        assert!(refused.starts_with("customer-keys does not move"), "{refused}");
    }
}

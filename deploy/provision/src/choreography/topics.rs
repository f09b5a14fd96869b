//! The topics that the owners' list names.

use choreography::TopicMoves;
use contracts::topic::dead_letter_topic;

use super::SHOP;

/// Partitions of every topic, unless it is said otherwise: how many replicas of a service can share its work. Each has its
/// price: a batch of events goes to Kafka in a request for each partition that it touches.
pub const PARTITIONS: i32 = 6;
const DAY_MS: i64 = 86_400_000;
const RETENTION_DAYS: i64 = 7;
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
    SHOP.owners.keys().flat_map(|name| with_dead_letters(name)).collect()
}

/// All topics that have not moved, with their dead-letter topics.
#[must_use]
pub fn topics_but(moves: &TopicMoves) -> Vec<TopicSpec> {
    let stays = |name: &&String| moves.current(name) == name.as_str();
    SHOP.owners.keys().filter(stays).flat_map(|name| with_dead_letters(name)).collect()
}

/// The topics that take the place of others, with their dead-letter topics.
#[must_use]
pub fn successors(moves: &TopicMoves) -> Vec<TopicSpec> {
    moves.iter().flat_map(|each| with_dead_letters(&each.to)).collect()
}

fn with_dead_letters(name: &str) -> [TopicSpec; 2] {
    let mut events = TopicSpec::new(name, PARTITIONS);
    events.config =
        vec![("retention.ms".into(), (RETENTION_DAYS * DAY_MS).to_string()), ("segment.ms".into(), DAY_MS.to_string())];
    let mut dead = TopicSpec::new(dead_letter_topic(name), PARTITIONS);
    dead.config = vec![("max.message.bytes".into(), DEAD_LETTER_BYTES.to_string())];
    [events, dead]
}

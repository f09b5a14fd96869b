//! Who reads and writes what, as the services themselves declare it.

use std::sync::LazyLock;

use engine::routes::{Description, Service};

/// Partitions of every topic: how many replicas of a service can share its work.
pub const PARTITIONS: i32 = 12;
const DAY_MS: i64 = 86_400_000;
const RETENTION_DAYS: i64 = 7;
/// Dead letters are the original bytes and some kilobytes of headers.
const DEAD_LETTER_BYTES: usize = 2_000_000;

/// One service's part in the choreography.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name: database, role, Kafka user and consumer group.
    pub service: &'static str,
    pub reads: Vec<&'static str>,
    pub writes: Vec<&'static str>,
}

impl Part {
    fn of<S: Service>() -> Self {
        let Description { name, reads, writes, .. } =
            Description::of::<S>().unwrap_or_else(|wrong| panic!("{}: {wrong}", S::NAME));
        Self { service: name, reads, writes }
    }
}

/// The shop. A service of your own takes part by a line here.
pub static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| {
    vec![
        Part::of::<order::Order>(),
        Part::of::<inventory::Inventory>(),
        Part::of::<payment::Payment>(),
        Part::of::<shipping::Shipping>(),
    ]
});

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

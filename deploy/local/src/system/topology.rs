//! Which services there are, and which topics.

use crate::TopicSpec;

/// Partitions of every topic: how many replicas of a service can share its work.
pub const PARTITIONS: i32 = 12;
const DAY_MS: i64 = 86_400_000;
const RETENTION_DAYS: i64 = 7;
/// Dead letters are the original bytes and some kilobytes of headers.
const DEAD_LETTER_BYTES: usize = 2_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Order,
    Inventory,
    Payment,
    Shipping,
    /// Not one of the shop's four: it runs where it is added.
    Notification,
}

impl Service {
    /// The services that a system starts with.
    pub const SHOP: [Self; 4] = [Self::Order, Self::Inventory, Self::Payment, Self::Shipping];

    /// Its name: package, program, database, role and consumer group.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
            Self::Notification => "notification",
        }
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

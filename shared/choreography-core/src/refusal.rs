//! Why an input is not taken.

use std::fmt;

/// A rule's refusal of one input: an answer, not an error of the program. Its kind decides whether time can heal it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// Trying again can help: the event waits in a retry row, its key behind it.
    Transient(String),
    /// What it needs comes by another way and is not here yet, or others have it locked: the event waits in a retry row, its key behind it,
    /// for as long as that takes. It is no failure of the input, so it spends no attempts.
    Awaited(String),
    /// Trying again can't help: the event is parked and dead-lettered, its key waits behind it.
    Permanent(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(why) | Self::Awaited(why) | Self::Permanent(why) => f.write_str(why),
        }
    }
}

/// Why an event can't be decoded. It is dead-lettered at once and parks no key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Its writer is ahead of this build, or far behind it.
    #[error("{event_type} has version {version}; this service reads {known}")]
    UnknownVersion {
        /// Such as `order.placed`.
        event_type: String,
        /// The version that came.
        version: u32,
        /// The versions that are read.
        known: String,
    },
    /// Only the owner of a type may publish it, on the owner's topic.
    #[error("{event_type} belongs on {owner}, not on {topic}")]
    ForeignTopic {
        /// Such as `order.placed`.
        event_type: String,
        /// The topic of its owner.
        owner: String,
        /// Where it stood.
        topic: String,
    },
    /// A field is missing or wrong.
    #[error("{path}: {problem}")]
    Payload {
        /// The field's place, such as `payload.items[1].quantity`.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

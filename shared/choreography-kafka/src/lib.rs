//! Kafka by librdkafka.

#![warn(missing_docs)]

mod commits;
mod connection;
mod consumer;
mod credentials;
mod group;
mod lag;
mod membership;
mod producer;
mod raw;
mod state;
mod topics;
mod tuning;
mod verdict;

pub use connection::Connection;
pub use consumer::{KafkaConsumer, Limits as BatchLimits};
pub use membership::GroupProtocol;
pub use producer::{KafkaProducer, ProducerLimits};
pub use raw::headers;
pub use state::{KafkaState, KafkaTrouble, Snapshot, Stop, StoppedPartition};
pub use topics::{TopicError, check_topics};
pub use tuning::{client, consumer, producer};

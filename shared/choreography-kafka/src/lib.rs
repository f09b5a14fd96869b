//! Kafka by librdkafka.

#![warn(missing_docs)]

mod commits;
mod connection;
mod credentials;
mod group;
mod lag;
mod membership;
mod raw;
mod sink;
mod source;
mod state;
mod topics;
mod tuning;
mod verdict;

pub use connection::Connection;
pub use membership::GroupProtocol;
pub use raw::headers;
pub use sink::{KafkaSink, SinkLimits};
pub use source::{KafkaSource, Limits as BatchLimits};
pub use state::{KafkaState, KafkaTrouble, Snapshot, Stop, StoppedPartition};
pub use topics::{TopicProblem, check_topics};
pub use tuning::{client, consumer, producer};

//! Kafka by librdkafka.

#![warn(missing_docs)]

mod client_settings;
mod commits;
mod compacted_topic;
mod connection;
mod consumer;
mod credentials;
mod group;
mod lag;
mod membership;
mod producer;
mod raw_client;
mod rests;
mod state;
mod subscription;
mod take;
mod topic_moves;
mod topics;
mod verdict;

pub use client_settings::{client, consumer, producer};
pub use compacted_topic::{CompactedTopic, Keyed};
pub use connection::Connection;
pub use consumer::{KafkaConsumer, Limits as BatchLimits};
pub use membership::GroupProtocol;
pub use producer::{KafkaProducer, ProducerLimits};
pub use raw_client::headers;
pub use state::{KafkaState, KafkaTrouble, Snapshot, Stop, StoppedPartition};
pub use topic_moves::check_moves;
pub use topics::{TopicError, check_key_topics, check_topics, segment_time};

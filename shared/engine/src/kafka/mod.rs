//! Kafka by librdkafka.

mod connection;
mod credentials;
mod sink;
mod source;
mod topics;
mod tuning;

pub use connection::Connection;
pub use sink::KafkaSink;
pub use source::KafkaSource;
pub use topics::{TopicProblem, check_topics};
pub use tuning::{client, consumer, producer};

//! Kafka as the engine's steps see it. Implemented by `choreography-kafka` with librdkafka and by the simulation with a model.

use std::future::Future;

use crate::{
    delivery::{Delivery, Position},
    outbox::OutboxRow,
};

/// Why Kafka did not do what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// It may pass: the broker is away, a rebalance is under way.
    #[error("Kafka could not do this now: {0}")]
    Transient(String),
    /// The client can't go on: it must be made anew.
    #[error("the Kafka client failed for good: {0}")]
    Fatal(String),
}

/// Why a message was not published. The kind decides what waits for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Kafka does not take this message for what it is, such as its size: sending it again can't help.
    #[error("Kafka refuses the message: {0}")]
    Refused(String),
    /// The topic is not there, or this service may not write it: all its messages wait until that changes.
    #[error("Kafka takes nothing from this service on this topic: {0}")]
    Topic(String),
    /// It may pass: the broker is away or slow, or another message of the batch failed.
    #[error("Kafka did not acknowledge it: {0}")]
    Transient(String),
}

/// The consuming side. No partition is taken away between two calls, only inside [`poll`](EventConsumer::poll) and
/// [`keep_alive`](EventConsumer::keep_alive): whatever is handled in between is handled by the partition's owner.
///
/// One task calls it, one call after another.
///
/// A partition that can't go on (its offset is out of range, a batch can't be read) stands still and offers nothing; the
/// others go on.
pub trait EventConsumer: Send {
    /// What all assigned partitions offer, up to `limit` messages; empty after a while without any. Messages of one partition
    /// come in its order. Safe to drop: the next call hands over what this one did not.
    ///
    /// # Errors
    /// [`BrokerError::Transient`] passes; after any other, going on would skip or lose events.
    fn poll(&mut self, limit: usize) -> impl Future<Output = Result<Vec<Delivery>, BrokerError>> + Send;
    /// Serves the group protocol without taking messages, while a batch waits for the database.
    fn keep_alive(&mut self) -> impl Future<Output = Result<(), BrokerError>> + Send;
    /// Since which assignment the partition is this member's: another number whenever it comes back. `None`: it is not.
    fn owned_since(&self, topic: &str, partition: i32) -> Option<u64>;
    /// Asks Kafka to commit, per partition, the position after the last handled message. That it did so is said by
    /// [`take_confirmed`](EventConsumer::take_confirmed), some polls later: until then ask again.
    fn commit(&mut self, next: &[Position]) -> impl Future<Output = Result<(), BrokerError>> + Send;
    /// What Kafka confirmed since the last call.
    fn take_confirmed(&mut self) -> Vec<Position>;
    /// Whether this service handles a message that was handed over, or ignores it: a topic of which hardly anything is handled can be
    /// read less often.
    fn note(&mut self, position: &Position, is_handled: bool) {
        let _ = (position, is_handled);
    }
}

/// The producing side.
pub trait EventProducer: Send {
    /// Publishes rows in order and waits until each has been acknowledged by all in-sync replicas or has failed; one result
    /// per row. No row is published behind a failed one of its key and topic. After a failure nothing of this call is in
    /// flight any more. A full queue is waited for.
    fn publish(&mut self, rows: Vec<OutboxRow>) -> impl Future<Output = Vec<Result<(), PublishError>>> + Send;
    /// Whether this service can write by now to a topic that took nothing. Sends nothing.
    fn look_for(&mut self, topic: &str) -> impl Future<Output = Result<(), PublishError>> + Send;
}

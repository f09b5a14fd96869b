//! Dead letters: the original bytes and headers, and beside them what went wrong, where and when.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    delivery::Delivery,
    store::{Failure, OutboxMessage},
    trace::Header,
};

/// Longest error text kept, in characters: an error may quote the message that it is about.
const MAX_MESSAGE: usize = 1_000;

/// The history of a failure.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    pub count: u32,
    pub first_failed_at: DateTime<Utc>,
    pub last_failed_at: DateTime<Utc>,
}

/// The topic that takes the dead letters of `topic`.
pub fn topic_of(topic: &str) -> String {
    format!("{topic}.dlq")
}

/// The dead-letter record, ready for the outbox: it leaves in the transaction that gave the message up.
pub fn record(delivery: &Delivery, consumer_group: &str, failure: &Failure, attempts: Attempts) -> OutboxMessage {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut headers = delivery.headers.clone();
    headers.extend([
        Header::text("dead-letter-topic", &*delivery.position.topic),
        Header::text("dead-letter-partition", delivery.position.partition.to_string()),
        Header::text("dead-letter-offset", delivery.position.offset.to_string()),
        Header::text("dead-letter-consumer-group", consumer_group),
        Header::text("dead-letter-error-class", failure.class),
        Header::text("dead-letter-error-message", shortened(&failure.message)),
        Header::text("dead-letter-attempts", attempts.count.to_string()),
        Header::text("dead-letter-first-failure", time(attempts.first_failed_at)),
        Header::text("dead-letter-last-failure", time(attempts.last_failed_at)),
    ]);
    OutboxMessage {
        topic: topic_of(&delivery.position.topic),
        key: delivery.key.clone(),
        payload: delivery.payload.clone(),
        headers,
    }
}

/// At most `MAX_MESSAGE` characters, none of them a control character: a NUL would be refused by PostgreSQL.
pub fn shortened(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}

//! Dead letters: the original bytes and headers, and beside them what went wrong, where and when.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    delivery::Delivery,
    store::{Failure, OutboxMessage},
    trace::Header,
};

/// Longest error text kept, in characters: an error may quote the message that it is about.
const MAX_MESSAGE: usize = 1_000;

/// Says that a header name of the original was no text and stands escaped, as `na\xffme`.
const ESCAPED_NAMES: &str = "dead-letter-escaped-names";

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
    let (mut headers, escaped) = with_text_names(&delivery.headers);
    headers.extend(escaped.then(|| Header::text(ESCAPED_NAMES, "true")));
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
        payload: delivery.payload.as_ref().map(|payload| payload.to_vec()),
        headers,
    }
}

/// Kafka clients take header names for text, so those that are none are escaped; whether any was. The database keeps the
/// bytes.
fn with_text_names(headers: &[Header]) -> (Vec<Header>, bool) {
    let text =
        |header: &Header| Header { name: header.text_name().into_owned().into_bytes(), value: header.value.clone() };
    let texts: Vec<Header> = headers.iter().map(text).collect();
    let escaped = texts.iter().zip(headers).any(|(text, header)| text.name != header.name);
    (texts, escaped)
}

/// At most `MAX_MESSAGE` characters, none of them a control character: a NUL would be refused by PostgreSQL.
pub fn shortened(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delivery::Position;

    #[test]
    fn a_header_name_that_is_no_text_is_escaped_and_marked() {
        let delivery = |name: &[u8]| Delivery {
            position: Position { topic: Arc::from("t"), partition: 0, offset: 0 },
            key: None,
            payload: None,
            headers: vec![Header { name: name.to_vec(), value: Some(b"v".to_vec()) }],
        };
        let now = DateTime::UNIX_EPOCH;
        let attempts = Attempts { count: 1, first_failed_at: now, last_failed_at: now };
        let failure = Failure { class: "envelope", message: "none".into() };
        let marked = |name: &[u8]| {
            let headers = record(&delivery(name), "order", &failure, attempts).headers;
            (headers[0].clone(), headers.iter().any(|header| header.is_named(ESCAPED_NAMES)))
        };
        assert_eq!(marked(b"na\xffme"), (Header::text(r"na\xffme", "v"), true));
        assert_eq!(marked(b"name"), (Header::text("name", "v"), false));
    }
}

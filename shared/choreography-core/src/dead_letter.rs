//! Dead letters: the original bytes and headers, and beside them what went wrong, where and when.
//!
//! What would be too large to publish goes without its payload, at need without its headers and key too, and says so with
//! length and SHA-256. The bytes stay in the database.

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::{
    delivery::Delivery,
    store::{Failure, OutboxMessage},
    trace::{Header, TraceContext},
    wire_size,
};

/// Longest error text kept, in characters: an error may quote the message that it is about.
const MAX_MESSAGE: usize = 1_000;

/// Says that a header name of the original was no text and stands escaped, as `na\xffme`.
const ESCAPED_NAMES: &str = "dead-letter-escaped-names";

/// The history of a failure.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    /// Failed attempts.
    pub count: u32,
    /// When it failed first.
    pub first_failed_at: DateTime<Utc>,
    /// When it failed last.
    pub last_failed_at: DateTime<Utc>,
}

/// The topic that takes the dead letters of `topic`.
pub fn topic_of(topic: &str) -> String {
    format!("{topic}.dlq")
}

/// Whether a topic takes dead letters.
pub fn is_dead_letter_topic(topic: &str) -> bool {
    topic.ends_with(".dlq")
}

/// A part of the original that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Payload,
    Headers,
    Key,
}

/// What is left out until the record fits, the least first.
const OMISSIONS: [&[Part]; 5] = [
    &[],
    &[Part::Payload],
    &[Part::Headers],
    &[Part::Payload, Part::Headers],
    &[Part::Payload, Part::Headers, Part::Key],
];

/// The dead-letter record, ready for the outbox: it leaves in the transaction that gave the message up. At most `max_bytes`
/// long as [`wire_size`] counts, so that Kafka's client does not refuse it.
pub fn record(
    delivery: &Delivery,
    consumer_group: &str,
    failure: &Failure,
    attempts: Attempts,
    max_bytes: usize,
) -> OutboxMessage {
    let history = history(delivery, consumer_group, failure, attempts);
    let (key, payload) =
        (delivery.key.as_ref().map_or(0, |key| key.len()), delivery.payload.as_ref().map_or(0, |p| p.len()));
    let mut left_out: &[Part] = &[];
    let mut headers = Vec::new();
    for omitted in OMISSIONS {
        left_out = omitted;
        headers = headers_without(omitted, delivery, &history);
        let length = |part, length| if omitted.contains(&part) { 0 } else { length };
        if wire_size::message(length(Part::Key, key), length(Part::Payload, payload), &headers) <= max_bytes {
            break;
        }
    }
    let kept = |part: &Part| !left_out.contains(part);
    OutboxMessage {
        nth: None,
        topic: topic_of(&delivery.position.topic),
        key: delivery.key.clone().filter(|_| kept(&Part::Key)),
        payload: delivery.payload.as_ref().filter(|_| kept(&Part::Payload)).map(|payload| payload.to_vec()),
        headers,
    }
}

fn history(delivery: &Delivery, consumer_group: &str, failure: &Failure, attempts: Attempts) -> Vec<Header> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    vec![
        Header::text("dead-letter-topic", &*delivery.position.topic),
        Header::text("dead-letter-partition", delivery.position.partition.to_string()),
        Header::text("dead-letter-offset", delivery.position.offset.to_string()),
        Header::text("dead-letter-consumer-group", consumer_group),
        Header::text("dead-letter-error-class", failure.class),
        Header::text("dead-letter-error-message", shortened(&failure.message)),
        Header::text("dead-letter-attempts", attempts.count.to_string()),
        Header::text("dead-letter-first-failure", time(attempts.first_failed_at)),
        Header::text("dead-letter-last-failure", time(attempts.last_failed_at)),
    ]
}

/// The original's headers, the history, and headers that describe the omitted parts. The trace context always stays.
fn headers_without(omitted: &[Part], delivery: &Delivery, history: &[Header]) -> Vec<Header> {
    let mut headers = if omitted.contains(&Part::Headers) {
        let trace = TraceContext::from_headers(&delivery.headers);
        let parent = trace.traceparent.map(|value| Header::text("traceparent", value));
        parent.into_iter().chain(trace.tracestate.map(|value| Header::text("tracestate", value))).collect()
    } else {
        let (mut headers, escaped) = with_text_names(&delivery.headers);
        headers.extend(escaped.then(|| Header::text(ESCAPED_NAMES, "true")));
        headers
    };
    headers.extend_from_slice(history);
    for part in omitted {
        match part {
            Part::Payload => headers.extend(delivery.payload.iter().flat_map(|bytes| omission("payload", bytes))),
            Part::Key => headers.extend(delivery.key.iter().flat_map(|bytes| omission("key", bytes))),
            Part::Headers => headers.extend(omission("headers", &joined(&delivery.headers))),
        }
    }
    headers
}

fn omission(part: &str, bytes: &[u8]) -> [Header; 3] {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    [
        Header::text(&format!("dead-letter-{part}"), "omitted"),
        Header::text(&format!("dead-letter-{part}-length"), bytes.len().to_string()),
        Header::text(&format!("dead-letter-{part}-sha256"), digest),
    ]
}

/// All names and values, one after the other.
fn joined(headers: &[Header]) -> Vec<u8> {
    let parts = headers.iter().flat_map(|header| [header.name.as_slice(), header.value.as_deref().unwrap_or_default()]);
    parts.collect::<Vec<&[u8]>>().concat()
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
            let headers = record(&delivery(name), "order", &failure, attempts, LIMIT).headers;
            (headers[0].clone(), headers.iter().any(|header| header.is_named(ESCAPED_NAMES)))
        };
        assert_eq!(marked(b"na\xffme"), (Header::text(r"na\xffme", "v"), true));
        assert_eq!(marked(b"name"), (Header::text("name", "v"), false));
    }

    const LIMIT: usize = 20_000;
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn dead(key: usize, payload: usize, header: usize) -> OutboxMessage {
        let delivery = Delivery {
            position: Position { topic: Arc::from("order-events"), partition: 3, offset: 7 },
            key: Some(vec![b'k'; key]),
            payload: Some(vec![b'p'; payload].into()),
            headers: vec![Header::text("traceparent", TRACE), Header::text("large", "h".repeat(header))],
        };
        let failure = Failure { class: "envelope", message: "no JSON".into() };
        let now = DateTime::UNIX_EPOCH;
        let attempts = Attempts { count: 1, first_failed_at: now, last_failed_at: now };
        record(&delivery, "payment", &failure, attempts, LIMIT)
    }

    fn header(message: &OutboxMessage, name: &str) -> Option<String> {
        let found = message.headers.iter().find(|header| header.is_named(name))?;
        String::from_utf8(found.value.clone()?).ok()
    }

    /// Which parts are said to be left out.
    fn omitted(message: &OutboxMessage) -> Vec<&'static str> {
        let said = |part: &&str| header(message, &format!("dead-letter-{part}")).as_deref() == Some("omitted");
        ["payload", "headers", "key"].into_iter().filter(said).collect()
    }

    #[test]
    fn what_fits_goes_as_it_came() {
        let message = dead(10, 1_000, 1_000);
        assert_eq!((omitted(&message).len(), message.payload.map(|bytes| bytes.len())), (0, Some(1_000)));
    }

    #[test]
    fn what_does_not_fit_goes_without_its_payload_and_says_so() {
        let message = dead(10, LIMIT, 1_000);
        assert_eq!((omitted(&message), &message.payload), (vec!["payload"], &None));
        assert_eq!(header(&message, "dead-letter-payload-length").as_deref(), Some("20000"));
        let digest = header(&message, "dead-letter-payload-sha256").unwrap();
        assert_eq!(digest, format!("{:x}", Sha256::digest(vec![b'p'; LIMIT])));
        assert_eq!(header(&message, "large").map(|value| value.len()), Some(1_000));
    }

    #[test]
    fn headers_and_key_are_cut_only_where_they_are_what_is_too_large() {
        assert_eq!(omitted(&dead(10, 1_000, LIMIT)), ["headers"]);
        assert_eq!(omitted(&dead(10, LIMIT, LIMIT)), ["payload", "headers"]);
        assert_eq!(omitted(&dead(LIMIT, 10, 10)), ["payload", "headers", "key"]);
        let cut = dead(LIMIT, LIMIT, LIMIT);
        assert_eq!((header(&cut, "traceparent").as_deref(), cut.key.as_ref()), (Some(TRACE), None));
    }

    #[test]
    fn no_record_is_larger_than_the_limit() {
        for size in (LIMIT - 2_000..LIMIT + 100).step_by(7) {
            assert!([dead(9, size, 0), dead(9, 0, size), dead(size, 0, 0)].iter().all(|record| record.size() <= LIMIT));
        }
    }

    #[test]
    fn a_dead_letter_says_what_went_wrong_where_and_when() {
        let delivery = Delivery {
            position: Position { topic: Arc::from("order-events"), partition: 3, offset: 7 },
            key: Some(b"k".to_vec()),
            payload: Some(b"p".to_vec().into()),
            headers: vec![Header::text("mine", "kept")],
        };
        let failure = Failure { class: "envelope", message: "no\0JSON".into() };
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let attempts = Attempts { count: 4, first_failed_at: at(1), last_failed_at: at(2) };
        let message = record(&delivery, "payment", &failure, attempts, LIMIT);
        assert_eq!((message.topic.as_str(), message.key.as_deref()), ("order-events.dlq", Some(&b"k"[..])));
        let expected = [
            ("mine", "kept"),
            ("dead-letter-topic", "order-events"),
            ("dead-letter-partition", "3"),
            ("dead-letter-offset", "7"),
            ("dead-letter-consumer-group", "payment"),
            ("dead-letter-error-class", "envelope"),
            ("dead-letter-error-message", "no JSON"),
            ("dead-letter-attempts", "4"),
            ("dead-letter-first-failure", "1970-01-01T00:00:01.000Z"),
            ("dead-letter-last-failure", "1970-01-01T00:00:02.000Z"),
        ];
        assert_eq!(message.headers, expected.map(|(name, value)| Header::text(name, value)));
    }

    #[test]
    fn what_is_cut_is_told_apart_by_its_digest() {
        let headers = [Header::text("a", "b"), Header { name: b"null".to_vec(), value: None }];
        assert_eq!(joined(&headers), b"abnull");
        let cut = dead(10, 10, LIMIT);
        let digest = header(&cut, "dead-letter-headers-sha256").unwrap();
        let all = [format!("traceparent{TRACE}large"), "h".repeat(LIMIT)].concat();
        assert_eq!(digest, format!("{:x}", Sha256::digest(all.as_bytes())));
        assert_eq!(header(&cut, "dead-letter-headers-length"), Some(all.len().to_string()));
    }

    #[test]
    fn an_error_text_is_cut_to_what_is_kept_of_it() {
        assert_eq!(shortened(&"é".repeat(MAX_MESSAGE + 1)), "é".repeat(MAX_MESSAGE));
        assert_eq!(shortened("two\nlines\0"), "two lines ");
    }

    #[test]
    fn only_topics_with_the_ending_take_dead_letters() {
        assert!(is_dead_letter_topic(&topic_of("order-events")));
        assert!(!is_dead_letter_topic("order-events") && !is_dead_letter_topic("dlq"));
    }
}

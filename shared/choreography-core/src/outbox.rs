//! From an event to the message that waits in the outbox: the envelope, the headers, the size check.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    dead_letter::is_dead_letter_topic,
    effects::NewEvent,
    envelope::Envelope,
    participant::Refusal,
    store::OutboxMessage,
    trace::{Header, TraceContext},
};

/// The header with an event's type.
pub const EVENT_TYPE: &str = "event-type";
/// The header with the version of an event's type.
pub const EVENT_VERSION: &str = "event-version";

/// An outbox row as the relay reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Drawn under the lock of its aggregate: within one aggregate numbers are in the order of the commits.
    pub number: i64,
    /// The key range.
    pub range: i32,
    /// What is to be published.
    pub message: OutboxMessage,
}

/// What an event inherits from the input that led to it.
#[derive(Clone, Debug)]
pub struct Lineage<'a> {
    /// The service that published it.
    pub source: &'static str,
    /// The saga that it belongs to.
    pub correlation_id: &'a str,
    /// The event that led to it, if one did.
    pub causation_id: Option<Uuid>,
    /// The trace context that it was written in.
    pub trace: &'a TraceContext,
}

/// Wraps an event into its envelope. Refused if the broker would refuse it for its size: found here, the input is parked;
/// found by the broker, the event would be committed and could never be published.
pub fn message(
    event: NewEvent,
    id: Uuid,
    now: DateTime<Utc>,
    lineage: &Lineage<'_>,
    max_bytes: usize,
) -> Result<OutboxMessage, Refusal> {
    let payload = RawValue::from_string(event.payload)
        .map_err(|error| Refusal::Permanent(format!("the payload of {} is no JSON: {error}", event.event_type)))?;
    let envelope = Envelope {
        id,
        event_type: event.event_type.to_owned(),
        version: event.version,
        timestamp: now,
        correlation_id: lineage.correlation_id.to_owned(),
        aggregate_id: event.aggregate_id.clone(),
        payload,
        causation_id: lineage.causation_id,
        source: Some(lineage.source.to_owned()),
    };
    let message = OutboxMessage {
        topic: event.topic.to_owned(),
        key: Some(event.aggregate_id.into_bytes()),
        payload: Some(envelope.to_bytes()),
        headers: headers(&envelope, lineage),
        nth: None,
    };
    if message.size() > max_bytes {
        return Err(Refusal::Permanent(format!(
            "{} would be {} bytes long; at most {max_bytes} can be published",
            event.event_type,
            message.size()
        )));
    }
    Ok(message)
}

fn headers(envelope: &Envelope, lineage: &Lineage<'_>) -> Vec<Header> {
    let mut headers = implied(envelope, lineage.source);
    let trace = lineage.trace;
    headers.extend(trace.traceparent.iter().map(|value| Header::text("traceparent", value)));
    headers.extend(trace.tracestate.iter().map(|value| Header::text("tracestate", value)));
    headers
}

/// The headers that follow from what stands in an event's envelope: those that [`message`] puts first. `None` where `payload` is no
/// envelope, or names no publisher.
pub fn implied_headers(payload: &[u8]) -> Option<Vec<Header>> {
    let envelope: Envelope = serde_json::from_slice(payload).ok()?;
    Some(implied(&envelope, envelope.source.as_deref()?))
}

/// CloudEvents 1.0 Kafka binding, binary mode, beside the project's own names.
fn implied(envelope: &Envelope, source: &str) -> Vec<Header> {
    let time = envelope.timestamp.to_rfc3339_opts(SecondsFormat::Micros, true);
    vec![
        Header::text("correlation-id", &envelope.correlation_id),
        Header::text(EVENT_TYPE, &envelope.event_type),
        Header::text(EVENT_VERSION, envelope.version.to_string()),
        Header::text("content-type", "application/json"),
        Header::text("ce_specversion", "1.0"),
        Header::text("ce_id", envelope.id.to_string()),
        Header::text("ce_type", &envelope.event_type),
        Header::text("ce_source", source),
        Header::text("ce_subject", &envelope.aggregate_id),
        Header::text("ce_time", time),
    ]
}

/// The key range of a message, where events have `ranges` of them: one relay publishes a range at a time. Dead letters have
/// the range behind those.
pub fn range_of(topic: &str, key: Option<&[u8]>, ranges: i32) -> i32 {
    if is_dead_letter_topic(topic) { ranges } else { share_of(key, ranges) }
}

/// The same number below `shares` for the same key.
pub fn share_of(key: Option<&[u8]>, shares: i32) -> i32 {
    // FNV-1a: stable across builds and replicas, unlike the standard library's hasher.
    let hash = key
        .unwrap_or_default()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let shares = u64::from(shares.max(1).unsigned_abs());
    i32::try_from(hash % shares).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: NewEvent = NewEvent {
        topic: "order-events",
        event_type: "order.placed",
        version: 1,
        aggregate_id: String::new(),
        payload: String::new(),
    };

    fn wrap(payload: String, max_bytes: usize) -> Result<OutboxMessage, Refusal> {
        let lineage =
            Lineage { source: "order", correlation_id: "s", causation_id: None, trace: &TraceContext::default() };
        let event = NewEvent { payload, aggregate_id: "o".into(), ..EVENT };
        message(event, Uuid::nil(), DateTime::UNIX_EPOCH, &lineage, max_bytes)
    }

    #[test]
    fn a_fact_that_the_broker_would_refuse_is_refused_at_once() {
        assert!(wrap("{}".into(), 1_000_000).is_ok());
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2_000));
        assert!(wrap(large, 2_000).unwrap_err().to_string().contains("at most 2000"));
    }

    #[test]
    fn a_published_fact_reads_back_as_its_envelope() {
        let message = wrap("{\"a\":1}".into(), 10_000).unwrap();
        let envelope = Envelope::parse(message.key.as_deref(), message.payload.as_deref()).unwrap();
        assert_eq!((envelope.event_type.as_str(), envelope.payload.get()), ("order.placed", "{\"a\":1}"));
    }

    #[test]
    fn a_key_keeps_its_range() {
        let range = |key: &str| range_of("order-events", Some(key.as_bytes()), 12);
        assert_eq!(range("order-1"), range("order-1"));
        let used: std::collections::BTreeSet<i32> = (0..200).map(|n| range(&n.to_string())).collect();
        assert_eq!(used, (0..12).collect());
    }

    #[test]
    fn dead_letters_have_a_range_of_their_own() {
        assert_eq!(range_of("order-events.dlq", Some(b"order-1"), 12), 12);
    }

    #[test]
    fn the_range_of_a_key_is_the_same_in_every_build() {
        // By FNV-1a of 64 bits: rows that are there already stay in the range of their key.
        let hashes = [("", 0xcbf2_9ce4_8422_2325_u64), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)];
        for (key, hash) in hashes {
            for shares in [1, 12, 997] {
                let expected = i32::try_from(hash % u64::try_from(shares).unwrap()).unwrap();
                assert_eq!(share_of(Some(key.as_bytes()), shares), expected, "{key}, {shares}");
            }
        }
        assert_eq!(share_of(None, 12), share_of(Some(b""), 12));
        assert_eq!(share_of(Some(b"a"), 0), 0);
    }

    #[test]
    fn a_message_as_long_as_allowed_is_published_and_one_byte_more_is_refused() {
        let size = wrap("{}".into(), 1_000_000).unwrap().size();
        assert!(wrap("{}".into(), size).is_ok());
        assert!(wrap("{}".into(), size - 1).is_err());
    }

    #[test]
    fn headers_say_what_the_envelope_says_and_carry_the_trace() {
        let trace = TraceContext { traceparent: Some("00-1-2-01".into()), tracestate: Some("v=1".into()) };
        let lineage = Lineage { source: "order", correlation_id: "s", causation_id: None, trace: &trace };
        let event = NewEvent { payload: "{}".into(), aggregate_id: "o".into(), version: 3, ..EVENT };
        let message = message(event, Uuid::nil(), DateTime::UNIX_EPOCH, &lineage, 10_000).unwrap();
        let expected = [
            ("correlation-id", "s"),
            ("event-type", "order.placed"),
            ("event-version", "3"),
            ("content-type", "application/json"),
            ("ce_specversion", "1.0"),
            ("ce_id", "00000000-0000-0000-0000-000000000000"),
            ("ce_type", "order.placed"),
            ("ce_source", "order"),
            ("ce_subject", "o"),
            ("ce_time", "1970-01-01T00:00:00.000000Z"),
            ("traceparent", "00-1-2-01"),
            ("tracestate", "v=1"),
        ];
        assert_eq!(message.headers, expected.map(|(name, value)| Header::text(name, value)));
        assert_eq!(implied_headers(message.payload.as_deref().unwrap()).unwrap(), message.headers[..10]);
    }

    #[test]
    fn nothing_is_implied_by_what_is_no_envelope_or_names_no_publisher() {
        let envelope = wrap("{}".into(), 10_000).unwrap().payload.unwrap();
        let anonymous = String::from_utf8(envelope.clone()).unwrap().replace(r#","source":"order""#, "");
        assert!(implied_headers(&envelope).is_some());
        for payload in [anonymous.as_bytes(), b"", b"[]", b"no json", &envelope[1..]] {
            assert_eq!(implied_headers(payload), None, "{}", String::from_utf8_lossy(payload));
        }
    }
}

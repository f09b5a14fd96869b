//! Links from the span of a batch to the spans that created its messages.
//!
//! A batch has messages of several topics, partitions and keys, so what tells them apart stands on each link, by OpenTelemetry's
//! conventions for messaging, 1.44 (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/).

use opentelemetry::{
    KeyValue,
    trace::{Link, SpanContext},
};

use crate::{delivery::Delivery, store::OutboxMessage, trace::TraceContext};

/// Most links of one span, as OpenTelemetry's SDKs limit them by default.
const MOST: usize = 128;
/// Longer keys are cut: they come from outside.
const KEY_BYTES: usize = 128;

/// To messages that were consumed: each with its topic, partition, offset and key.
pub(crate) fn consumed<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> Vec<Link> {
    let of = |delivery: &Delivery| {
        let (at, mut link) = (&delivery.position, to(&TraceContext::from_headers(&delivery.headers))?);
        link.attributes = vec![
            topic(&at.topic),
            KeyValue::new("messaging.destination.partition.id", at.partition.to_string()),
            KeyValue::new("messaging.kafka.offset", at.offset),
        ];
        link.attributes.extend(key(delivery.key.as_deref()));
        Some(link)
    };
    deliveries.filter_map(of).take(MOST).collect()
}

/// To messages that are to be sent: each with its topic and key. Kafka chooses partition and offset later.
pub(crate) fn to_send<'a>(messages: impl Iterator<Item = &'a OutboxMessage>) -> Vec<Link> {
    let of = |message: &OutboxMessage| {
        let mut link = to(&TraceContext::from_headers(&message.headers))?;
        link.attributes = vec![topic(&message.topic)];
        link.attributes.extend(key(message.key.as_deref()));
        Some(link)
    };
    messages.filter_map(of).take(MOST).collect()
}

/// To a span, if it is recorded.
fn to(context: &TraceContext) -> Option<Link> {
    context.span_context().filter(SpanContext::is_sampled).map(Link::with_context)
}

fn topic(name: &str) -> KeyValue {
    KeyValue::new("messaging.destination.name", name.to_owned())
}

fn key(key: Option<&[u8]>) -> Option<KeyValue> {
    let text = String::from_utf8_lossy(key.map(|key| &key[..key.len().min(KEY_BYTES)])?).into_owned();
    Some(KeyValue::new("messaging.kafka.message.key", text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{delivery::Position, trace::Header};

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn delivery(traceparent: &str, key: Option<&[u8]>) -> Delivery {
        Delivery {
            position: Position { topic: Arc::from("t"), partition: 3, offset: 42 },
            key: key.map(<[u8]>::to_vec),
            payload: None,
            headers: vec![Header::text("traceparent", traceparent)],
        }
    }

    fn told(links: &[Link]) -> Vec<Vec<String>> {
        let of = |link: &Link| {
            link.attributes.iter().map(|attribute| format!("{}={}", attribute.key, attribute.value)).collect()
        };
        links.iter().map(of).collect()
    }

    #[test]
    fn a_link_to_a_consumed_message_says_where_it_stands() {
        let at = [
            "messaging.destination.name=t",
            "messaging.destination.partition.id=3",
            "messaging.kafka.offset=42",
            "messaging.kafka.message.key=order-1",
        ];
        let events = [delivery(SAMPLED, Some(b"order-1")), delivery(SAMPLED, None)];
        assert_eq!(told(&consumed(events.iter())), [at.to_vec(), at[..3].to_vec()]);
    }

    #[test]
    fn a_link_to_a_message_that_is_to_be_sent_says_its_topic_and_key() {
        let headers = vec![Header::text("traceparent", SAMPLED)];
        let message = OutboxMessage { topic: "t".into(), key: Some(b"k".to_vec()), payload: None, headers, nth: None };
        let expected = ["messaging.destination.name=t", "messaging.kafka.message.key=k"];
        assert_eq!(told(&to_send([&message].into_iter())), [expected]);
    }

    #[test]
    fn what_is_not_recorded_has_no_link() {
        let unsampled = TraceContext::unrecorded().traceparent.unwrap();
        let events = [delivery(&unsampled, None), delivery("junk", None)];
        assert!(consumed(events.iter()).is_empty());
    }

    #[test]
    fn links_are_bounded_in_number_and_in_the_length_of_their_keys() {
        let events = vec![delivery(SAMPLED, Some(&[b'k'; 1_000])); MOST + 1];
        let links = consumed(events.iter());
        assert_eq!(links.len(), MOST);
        assert_eq!(links[0].attributes[3].value.as_str().len(), KEY_BYTES);
        let cut_in_a_letter = ["k".repeat(KEY_BYTES - 1), "ü".into()].concat();
        let links = consumed([delivery(SAMPLED, Some(cut_in_a_letter.as_bytes()))].iter());
        assert!(links[0].attributes[3].value.as_str().ends_with("k\u{fffd}"));
    }
}

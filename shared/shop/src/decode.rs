//! From an envelope to an event of the contracts.

use contracts::{Event, Invalid};
use engine::{envelope::Envelope, participant::Undecodable};

/// Decodes an event of one of the `handled` types; `None` for any other.
pub fn decode(topic: &str, envelope: &Envelope, handled: &[&str]) -> Result<Option<Event>, Undecodable> {
    let event_type = envelope.event_type.as_str();
    if !handled.contains(&event_type) {
        return Ok(None);
    }
    if let Some(owner) = Event::topic_of(event_type).filter(|owner| *owner != topic) {
        return Err(Undecodable::ForeignTopic {
            event_type: event_type.to_owned(),
            owner: owner.to_owned(),
            topic: topic.to_owned(),
        });
    }
    let event = Event::parse(event_type, envelope.version, envelope.payload.get()).map_err(undecodable)?;
    if event.order_id().to_string() != envelope.aggregate_id {
        return Err(Undecodable::Payload {
            path: "payload.orderId".to_owned(),
            problem: format!("is {}, but aggregateId says {}", event.order_id(), envelope.aggregate_id),
        });
    }
    Ok(Some(event))
}

fn undecodable(invalid: Invalid) -> Undecodable {
    match invalid {
        Invalid::UnknownVersion { event_type, version, known } => {
            Undecodable::UnknownVersion { event_type, version, known: known.to_string() }
        }
        Invalid::Field { path, problem } => Undecodable::Payload { path, problem },
        Invalid::UnknownType { .. } => Undecodable::Payload { path: "type".to_owned(), problem: invalid.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use contracts::{OrderCompleted, topic};
    use uuid::Uuid;

    use super::*;

    const HANDLED: &[&str] = &["order.completed"];

    fn completed(version: u32, aggregate: Uuid, payload: &str) -> Envelope {
        let json = format!(
            r#"{{"id":"{}","type":"order.completed","version":{version},"timestamp":"2026-01-01T00:00:00Z",
                "correlationId":"{aggregate}","aggregateId":"{aggregate}","payload":{payload}}}"#,
            Uuid::now_v7()
        );
        Envelope::parse(None, Some(json.as_bytes())).unwrap()
    }

    fn path(decoded: Result<Option<Event>, Undecodable>) -> String {
        match decoded {
            Err(Undecodable::Payload { path, .. }) => path,
            other => panic!("no payload was refused: {other:?}"),
        }
    }

    #[test]
    fn what_was_published_is_read_back() {
        let order_id = Uuid::from_u128(1);
        let fact = crate::fact(OrderCompleted { order_id }).unwrap();
        let envelope = completed(fact.version, order_id, &fact.payload);
        let decoded = decode(fact.topic, &envelope, HANDLED);
        assert_eq!(decoded, Ok(Some(Event::OrderCompleted(OrderCompleted { order_id }))));
    }

    #[test]
    fn a_type_that_is_not_handled_is_skipped_whatever_it_holds() {
        assert_eq!(decode(topic::ORDER_EVENTS, &completed(9, Uuid::nil(), "{}"), &["order.placed"]), Ok(None));
    }

    #[test]
    fn a_foreign_topic_an_unknown_version_and_a_wrong_payload_are_told_apart() {
        let order_id = Uuid::from_u128(1);
        let good = format!(r#"{{"orderId":"{order_id}"}}"#);
        let foreign = decode(topic::PAYMENT_EVENTS, &completed(1, order_id, &good), HANDLED);
        assert!(matches!(foreign, Err(Undecodable::ForeignTopic { .. })), "{foreign:?}");
        let unknown = decode(topic::ORDER_EVENTS, &completed(2, order_id, &good), HANDLED);
        assert!(matches!(unknown, Err(Undecodable::UnknownVersion { version: 2, .. })), "{unknown:?}");
        let other = decode(topic::ORDER_EVENTS, &completed(1, Uuid::from_u128(2), &good), HANDLED);
        assert_eq!(path(other), "payload.orderId");
        assert_eq!(path(decode(topic::ORDER_EVENTS, &completed(1, order_id, "{}"), HANDLED)), "payload.orderId");
    }
}

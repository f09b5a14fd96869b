use contracts::{CancellationReason, OrderCancellationRequested, OrderCompleted};
use engine::participant::Answer;
use uuid::Uuid;

use super::*;
use crate::state::State;

fn envelope(event: impl Into<Event>) -> (&'static str, Envelope) {
    let fact = shop::fact(event).unwrap();
    let json = format!(
        r#"{{"id":"{}","type":"{}","version":{},"timestamp":"2026-01-01T00:00:00Z","correlationId":"{id}","aggregateId":"{id}","payload":{}}}"#,
        Uuid::now_v7(),
        fact.event_type,
        fact.version,
        fact.payload,
        id = fact.aggregate_id,
    );
    (fact.topic, Envelope::parse(None, Some(json.as_bytes())).unwrap())
}

fn requested() -> OrderCancellationRequested {
    OrderCancellationRequested { order_id: Uuid::from_u128(1), reason: CancellationReason::Client }
}

/// The event as it came over the wire.
fn golden(event_type: &str) -> Event {
    let golden = format!("{}/../../shared/contracts/golden/{event_type}.v1.json", env!("CARGO_MANIFEST_DIR"));
    Event::parse(event_type, 1, &std::fs::read_to_string(golden).unwrap()).unwrap()
}

#[test]
fn a_cancellation_overtakes() {
    let (topic, envelope) = envelope(requested());
    let event = Shipping.decode(topic, &envelope).unwrap().unwrap();
    assert!(Shipping.overtakes(&event));
}

#[test]
fn what_shipping_does_not_handle_is_skipped() {
    let (topic, envelope) = envelope(OrderCompleted { order_id: Uuid::from_u128(1) });
    assert!(matches!(Shipping.decode(topic, &envelope), Ok(None)));
}

#[test]
fn an_event_from_a_topic_of_another_owner_is_refused() {
    let (_, envelope) = envelope(requested());
    let refused = Shipping.decode(topic::PAYMENT_EVENTS, &envelope);
    assert!(matches!(refused, Err(Undecodable::ForeignTopic { .. })), "{refused:?}");
}

#[test]
fn an_answer_reaches_its_rule_and_an_unknown_step_is_refused() {
    let key = Uuid::from_u128(1).to_string();
    let decide = |step: &str| {
        let mut rows = Rows::default();
        rows.load(Table::Shipments, key.as_str(), Row { state: State::Dispatching, tracking_number: None });
        let answer = Answer::Yes { detail: "T1".into() };
        let what = What::Answer { aggregate_id: key.clone(), step: step.into(), answer };
        Shipping.decide(&what, &mut rows, DateTime::UNIX_EPOCH).map(|_| rows.get(Table::Shipments, &key).clone())
    };
    assert_eq!(decide(SHIP), Ok(Row { state: State::Dispatched, tracking_number: Some("T1".into()) }));
    assert!(decide("fly").is_err());
}

#[test]
fn of_all_handled_events_exactly_these_overtake() {
    let overtaking = HANDLED.iter().copied().filter(|event_type| Shipping.overtakes(&golden(event_type)));
    assert_eq!(overtaking.collect::<Vec<_>>(), ["order.cancellation_requested"]);
}

#[test]
fn every_input_touches_its_order_alone_and_reaches_its_rule() {
    let key = "01990000-0000-7000-8000-000000000001";
    let decide = |what: &What<Shipping>| {
        let (mut rows, mut touched) = (Rows::default(), Vec::new());
        Shipping.touches(Table::Shipments, what, &rows, &mut touched);
        assert_eq!(touched, [Touch::shared(key)], "{what:?}");
        rows.load(Table::Shipments, key, Row::NONE);
        Shipping.decide(what, &mut rows, DateTime::UNIX_EPOCH).map(|_| rows.get(Table::Shipments, key).state)
    };
    assert_eq!(decide(&What::Event(golden("payment.succeeded"))), Ok(State::Dispatching));
    assert_eq!(decide(&What::Event(golden("order.cancellation_requested"))), Ok(State::Cancelled));
    let answer = Answer::Yes { detail: "T1".into() };
    let refused = decide(&What::Answer { aggregate_id: key.into(), step: SHIP.into(), answer });
    assert!(refused.unwrap_err().to_string().contains("cannot happen"), "the carrier was not asked");
}

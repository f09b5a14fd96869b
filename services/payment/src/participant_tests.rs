use contracts::{InventoryReleased, ShippingCancelled, ShippingDispatched, ShippingFailed};
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

fn cancelled() -> ShippingCancelled {
    ShippingCancelled { order_id: Uuid::from_u128(1), reason: "client".into() }
}

/// The event as it came over the wire.
fn golden(event_type: &str) -> Event {
    let golden = format!("{}/../../shared/contracts/golden/{event_type}.v1.json", env!("CARGO_MANIFEST_DIR"));
    Event::parse(event_type, 1, &std::fs::read_to_string(golden).unwrap()).unwrap()
}

#[test]
fn a_compensation_overtakes() {
    let failed = ShippingFailed { order_id: Uuid::from_u128(1), reason: "refused".into() };
    for (topic, envelope) in [envelope(cancelled()), envelope(failed)] {
        let event = Payment.decode(topic, &envelope).unwrap().unwrap();
        assert!(Payment.overtakes(&event), "{event:?}");
    }
}

#[test]
fn what_payment_does_not_handle_is_skipped() {
    let order_id = Uuid::from_u128(1);
    let dispatched = ShippingDispatched { order_id, tracking_number: "T1".into() };
    for (topic, envelope) in [envelope(dispatched), envelope(InventoryReleased { order_id, reason: "x".into() })] {
        assert!(matches!(Payment.decode(topic, &envelope), Ok(None)));
    }
}

#[test]
fn an_event_from_a_topic_of_another_owner_is_refused() {
    let (_, envelope) = envelope(cancelled());
    let refused = Payment.decode(topic::INVENTORY_EVENTS, &envelope);
    assert!(matches!(refused, Err(Undecodable::ForeignTopic { .. })), "{refused:?}");
}

#[test]
fn an_answer_reaches_the_rule_of_its_step_and_an_unknown_step_is_refused() {
    let key = Uuid::from_u128(1).to_string();
    let decide = |step: &str| {
        let mut rows = Rows::default();
        let order = OrderToPay { amount: 200, currency: "EUR".into(), items: Vec::new(), shipping_address: None };
        let row = Row { state: State::Refunding, order: Some(order), charge_id: Some("ch_1".into()) };
        rows.load(Table::Payments, key.as_str(), row);
        let answer = Answer::Yes { detail: "re_1".into() };
        let what = What::Answer { aggregate_id: key.clone(), step: step.into(), answer };
        Payment.decide(&what, &mut rows, DateTime::UNIX_EPOCH).map(|_| rows.get(Table::Payments, &key).state)
    };
    assert_eq!(decide(REFUND), Ok(State::Refunded));
    assert!(decide(CHARGE).is_err());
    assert!(decide("bribe").is_err());
}

#[test]
fn of_all_handled_events_exactly_these_overtake() {
    let overtaking = HANDLED.iter().copied().filter(|event_type| Payment.overtakes(&golden(event_type)));
    assert_eq!(overtaking.collect::<Vec<_>>(), ["shipping.failed", "shipping.cancelled"]);
}

#[test]
fn every_event_touches_its_order_alone_and_reaches_its_rule() {
    let decide = |event_type: &str, state: State| {
        let what = What::Event(golden(event_type));
        let (mut rows, mut touched) = (Rows::default(), Vec::new());
        Payment.touches(Table::Payments, &what, &rows, &mut touched);
        let key = "01990000-0000-7000-8000-000000000001";
        assert_eq!(touched, [Touch::shared(key)], "{event_type}");
        let order = OrderToPay { amount: 200, currency: "EUR".into(), items: Vec::new(), shipping_address: None };
        rows.load(Table::Payments, key, Row { state, order: Some(order), charge_id: Some("ch_1".into()) });
        Payment.decide(&what, &mut rows, DateTime::UNIX_EPOCH).unwrap();
        rows.get(Table::Payments, key).state
    };
    assert_eq!(decide("inventory.reserved", State::None), State::Capturing { undo: false });
    assert_eq!(decide("shipping.failed", State::Succeeded), State::Refunding);
    assert_eq!(decide("shipping.cancelled", State::None), State::Voided);
}

#[test]
fn an_answer_touches_its_order_alone_and_a_charge_reaches_its_rule() {
    let key = Uuid::from_u128(1).to_string();
    let (mut rows, mut touched) = (Rows::default(), Vec::new());
    let order = OrderToPay { amount: 200, currency: "EUR".into(), items: Vec::new(), shipping_address: None };
    let row = Row { state: State::Capturing { undo: true }, order: Some(order), charge_id: None };
    rows.load(Table::Payments, key.as_str(), row);
    let answer = Answer::No { reason: "declined".into() };
    let what = What::Answer { aggregate_id: key.clone(), step: CHARGE.into(), answer };
    Payment.touches(Table::Payments, &what, &rows, &mut touched);
    assert_eq!(touched, [Touch::shared(key.as_str())]);
    Payment.decide(&what, &mut rows, DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(rows.get(Table::Payments, &key).state, State::Failed);
}

#[test]
fn the_money_that_goes_back_is_all_that_was_paid_under_a_key_of_its_own() {
    let paid = OrderToPay { amount: 200, currency: "EUR".into(), items: Vec::new(), shipping_address: None };
    let intended = refund("o1", &paid, "ch_1").unwrap();
    assert_eq!(intended.request, r#"{"chargeId":"ch_1","amount":200,"currency":"EUR"}"#);
    assert_eq!((intended.aggregate_id.as_str(), intended.step), ("o1", REFUND));
    assert_eq!((key("o1", REFUND).as_str(), key("o1", CHARGE).as_str()), ("o1/refund", "o1/charge"));
}

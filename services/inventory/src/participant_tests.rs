use contracts::{OrderPlaced, PaymentFailed, ShippingDispatched};
use engine::effects::Fact;
use uuid::Uuid;

use super::*;
use crate::state::ReservationState;

const ORDER: Uuid = Uuid::from_u128(1);

fn placed() -> Event {
    OrderPlaced {
        order_id: ORDER,
        user_id: "ada".into(),
        total_amount: 300,
        currency: "EUR".into(),
        items: [("lamp", 1), ("chair", 2)].map(|(sku, quantity)| Item { sku: sku.into(), quantity, price: 100 }).into(),
        payment_method: Some("tok_visa".into()),
        shipping_address: None,
    }
    .into()
}

fn failed() -> Event {
    PaymentFailed { order_id: ORDER, reason: "declined".into() }.into()
}

/// Locks what a batch touches, as the engine does; stock is 5 of each.
fn locked(batch: &[What<Inventory>]) -> Rows<Inventory> {
    let mut rows = Rows::default();
    for &table in Inventory::TABLES {
        let mut touched = Vec::new();
        batch.iter().for_each(|what| Inventory.touches(table, what, &rows, &mut touched));
        for touch in touched {
            let row = match table {
                Table::Stock => Row::Stock(Stock { available: 5, ..Stock::default() }),
                Table::Reservations => Inventory.absent(table),
            };
            rows.load(table, touch.key, row);
        }
    }
    rows
}

fn run(batch: Vec<What<Inventory>>) -> (Vec<Fact>, Rows<Inventory>) {
    let mut rows = locked(&batch);
    let decided = batch.iter().map(|what| Inventory.decide(what, &mut rows, DateTime::UNIX_EPOCH).unwrap());
    let facts = decided.flat_map(|effects| effects.facts).collect();
    (facts, rows)
}

/// The event as it came over the wire.
fn golden(event_type: &str) -> Event {
    let golden = format!("{}/../../shared/contracts/golden/{event_type}.v1.json", env!("CARGO_MANIFEST_DIR"));
    Event::parse(event_type, 1, &std::fs::read_to_string(golden).unwrap()).unwrap()
}

#[test]
fn what_payment_needs_travels_with_the_reservation() {
    let (facts, _) = run(vec![What::Event(placed())]);
    let payload = match placed() {
        Event::OrderPlaced(event) => serde_json::to_value(event).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(serde_json::from_str::<serde_json::Value>(&facts[0].payload).unwrap(), payload);
}

#[test]
fn an_order_and_its_undo_share_a_batch_in_either_order() {
    let types = |facts: &[Fact]| facts.iter().map(|fact| fact.event_type).collect::<Vec<_>>();
    let untouched = Stock { available: 5, ..Stock::default() };
    let (facts, rows) = run(vec![What::Event(placed()), What::Event(failed())]);
    assert_eq!(types(&facts), ["inventory.reserved", "inventory.released"]);
    assert_eq!(stock(&rows, "chair"), Ok(untouched));
    let (facts, rows) = run(vec![What::Event(failed()), What::Event(placed())]);
    assert_eq!(types(&facts), ["inventory.released"]);
    assert_eq!(stock(&rows, "chair"), Ok(untouched));
}

#[test]
fn later_events_touch_the_stock_that_the_reservation_names() {
    let mut rows = Rows::default();
    let items = vec![Item { sku: "chair".into(), quantity: 2, price: 100 }];
    let reserved = Reservation { state: ReservationState::Reserved, items };
    rows.load(Table::Reservations, ORDER.to_string(), Row::Reservation(reserved));
    let dispatched = ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() };
    for event in [failed(), dispatched.into()] {
        let mut touched = Vec::new();
        Inventory.touches(Table::Stock, &What::Event(event), &rows, &mut touched);
        assert_eq!(touched, [Touch::shared("chair")]);
    }
}

#[test]
fn of_all_handled_events_exactly_these_overtake() {
    let overtaking = HANDLED.iter().copied().filter(|event_type| Inventory.overtakes(&golden(event_type)));
    assert_eq!(overtaking.collect::<Vec<_>>(), ["payment.failed", "payment.refunded", "payment.voided"]);
}

#[test]
fn every_input_reaches_its_rule() {
    let order = "01990000-0000-7000-8000-000000000001";
    let decide = |event_type: &str, state: ReservationState| {
        let mut rows = Rows::default();
        rows.load(Table::Reservations, order, Row::Reservation(Reservation { state, items: Vec::new() }));
        for sku in ["chair", "lamp"] {
            rows.load(Table::Stock, sku, Row::Stock(Stock { available: 5, ..Stock::default() }));
        }
        Inventory.decide(&What::Event(golden(event_type)), &mut rows, DateTime::UNIX_EPOCH).unwrap();
        reservation(&rows, order).unwrap().state
    };
    assert_eq!(decide("order.placed", ReservationState::None), ReservationState::Reserved);
    for undo in ["payment.failed", "payment.refunded", "payment.voided"] {
        assert_eq!(decide(undo, ReservationState::Reserved), ReservationState::Released, "{undo}");
    }
    assert_eq!(decide("shipping.dispatched", ReservationState::Reserved), ReservationState::Shipped);
}

#[test]
fn a_count_of_the_stock_touches_its_row_alone_and_reaches_its_rule() {
    let what = What::Command(SetStock { sku: "chair".into(), on_hand: 7 });
    let mut rows = locked(std::slice::from_ref(&what));
    assert!(rows.find(Table::Reservations, "chair").is_none());
    let reply = Inventory.decide(&what, &mut rows, DateTime::UNIX_EPOCH).unwrap().reply;
    assert_eq!(reply, Some(StockSet::Done(Stock { available: 7, reserved: 0, shipped: 0 })));
}

#[test]
fn events_are_read_from_their_owners_topic() {
    for (topic, event_type) in [(topic::ORDER_EVENTS, "order.placed"), (topic::SHIPPING_EVENTS, "shipping.dispatched")]
    {
        let (event, order) = (golden(event_type), "01990000-0000-7000-8000-000000000001");
        let json = format!(
            r#"{{"id":"{order}","type":"{event_type}","version":1,"timestamp":"2026-01-01T00:00:00Z","correlationId":"{order}","aggregateId":"{order}","payload":{}}}"#,
            event.to_payload().unwrap()
        );
        let envelope = Envelope::parse(None, Some(json.as_bytes())).unwrap();
        assert_eq!(Inventory.decode(topic, &envelope), Ok(Some(event)));
        assert!(Inventory.decode(topic::INVENTORY_EVENTS, &envelope).is_err());
    }
}

#[test]
fn stock_never_goes_below_nothing_nor_beyond_what_fits() {
    let move_by = |available| {
        let mut rows = Rows::default();
        rows.load(Table::Stock, "chair", Row::Stock(Stock { available: 5, reserved: 0, shipped: 0 }));
        let entry = LedgerEntry {
            sku: "chair".into(),
            order_id: None,
            change: crate::state::Change::Set,
            available,
            reserved: 0,
            shipped: 0,
            at: DateTime::UNIX_EPOCH,
        };
        move_stock(&mut rows, &mut Effects::none(), entry).map(|()| stock(&rows, "chair").unwrap().available)
    };
    assert_eq!(move_by(-5), Ok(0));
    assert!(move_by(-6).is_err() && move_by(i64::MAX).is_err());
}

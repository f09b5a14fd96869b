use contracts::ShippingDispatched;

use super::*;
use crate::given::details;

const RULES: Order = Order { deadline: Duration::from_secs(60) };

fn place(id: u128, key: Option<&str>) -> What<Order> {
    What::Command(Command::Place(Box::new(PlaceOrder {
        order_id: Uuid::from_u128(id),
        request_key: key.map(str::to_owned),
        body_hash: b"body".to_vec(),
        details: details(),
    })))
}

fn touched(table: Table, what: &What<Order>, rows: &Rows<Order>) -> Vec<Touch> {
    let mut touched = Vec::new();
    RULES.touches(table, what, rows, &mut touched);
    touched
}

fn key(id: u128) -> String {
    Uuid::from_u128(id).to_string()
}

/// The event as it came over the wire.
fn golden(event_type: &str) -> Event {
    let golden = format!("{}/../../shared/contracts/golden/{event_type}.v1.json", env!("CARGO_MANIFEST_DIR"));
    Event::parse(event_type, 1, &std::fs::read_to_string(golden).unwrap()).unwrap()
}

#[test]
fn a_new_order_brings_its_own_row_and_a_repeat_touches_the_first_ones() {
    let mut rows = Rows::default();
    rows.load(Table::Requests, "k", Row::Request(None));
    assert_eq!(touched(Table::Requests, &place(2, Some("k")), &rows), [Touch::shared("k")]);
    assert_eq!(touched(Table::Requests, &place(2, None), &rows), []);
    for request_key in [None, Some("k")] {
        assert_eq!(touched(Table::Orders, &place(2, request_key), &rows), [Touch::fresh(key(2))]);
    }
    let request = Request { body_hash: b"body".to_vec(), order_id: key(1), at: DateTime::UNIX_EPOCH };
    rows.load(Table::Requests, "k", Row::Request(Some(request)));
    assert_eq!(touched(Table::Orders, &place(2, Some("k")), &rows), [Touch::shared(key(1))]);
}

#[test]
fn of_two_equal_requests_in_one_batch_the_second_leaves_no_row() {
    let batch = [place(1, Some("k")), place(2, Some("k"))];
    let mut rows = Rows::default();
    rows.load(Table::Requests, "k", Row::Request(None));
    for touch in batch.iter().flat_map(|what| touched(Table::Orders, what, &rows)).collect::<Vec<_>>() {
        rows.load(Table::Orders, touch.key, Row::Order(OrderRow::NONE));
    }
    let mut answers = Vec::new();
    for what in &batch {
        match RULES.decide(what, &mut rows, DateTime::UNIX_EPOCH).unwrap().reply {
            Some(Reply::Placed(Placed::Order(order))) => answers.push(order.order_id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers, [key(1), key(1)]);
    assert_eq!(order_row(&rows, &key(2)), Ok(OrderRow::NONE));
}

#[test]
fn events_cancellations_and_deadlines_touch_the_order_alone() {
    let order_id = Uuid::from_u128(1);
    let dispatched = ShippingDispatched { order_id, tracking_number: "T1".into() };
    let inputs = [
        What::Event(dispatched.into()),
        What::Command(Command::Cancel(order_id)),
        What::Deadline { aggregate_id: key(1), name: DEADLINE.to_owned() },
    ];
    for what in inputs {
        assert_eq!(touched(Table::Requests, &what, &Rows::default()), [], "{what:?}");
        assert_eq!(touched(Table::Orders, &what, &Rows::default()), [Touch::shared(key(1))], "{what:?}");
    }
}

#[test]
fn of_all_handled_events_exactly_these_overtake() {
    let overtaking = HANDLED.iter().copied().filter(|event_type| RULES.overtakes(&golden(event_type)));
    assert_eq!(overtaking.collect::<Vec<_>>(), ["inventory.released"]);
}

#[test]
fn every_input_reaches_its_rule() {
    let order = "01990000-0000-7000-8000-000000000001";
    let decide = |what: What<Order>| {
        let mut rows = Rows::default();
        let row = OrderRow { status: Status::Pending, details: Some(details()), ..OrderRow::NONE };
        rows.load(Table::Orders, order, Row::Order(row));
        RULES.decide(&what, &mut rows, DateTime::UNIX_EPOCH).unwrap();
        order_row(&rows, order).unwrap().status
    };
    assert_eq!(decide(What::Event(golden("inventory.rejected"))), Status::Cancelled);
    assert_eq!(decide(What::Event(golden("inventory.released"))), Status::Cancelled);
    assert_eq!(decide(What::Event(golden("shipping.dispatched"))), Status::Completed);
    assert_eq!(decide(What::Command(Command::Cancel(order.parse().unwrap()))), Status::Cancelling);
    let deadline = What::Deadline { aggregate_id: order.into(), name: DEADLINE.into() };
    assert_eq!(decide(deadline), Status::Cancelling);
}

#[test]
fn events_are_read_from_their_owners_topic() {
    for (topic, event_type) in [
        (topic::INVENTORY_EVENTS, "inventory.rejected"),
        (topic::INVENTORY_EVENTS, "inventory.released"),
        (topic::SHIPPING_EVENTS, "shipping.dispatched"),
    ] {
        let (event, order) = (golden(event_type), "01990000-0000-7000-8000-000000000001");
        let json = format!(
            r#"{{"id":"{order}","type":"{event_type}","version":1,"timestamp":"2026-01-01T00:00:00Z","correlationId":"{order}","aggregateId":"{order}","payload":{}}}"#,
            event.to_payload().unwrap()
        );
        let envelope = Envelope::parse(None, Some(json.as_bytes())).unwrap();
        assert_eq!(RULES.decode(topic, &envelope), Ok(Some(event)));
        assert!(RULES.decode(topic::PAYMENT_EVENTS, &envelope).is_err());
    }
}

#[test]
fn the_end_of_an_order_is_told_with_its_beginning_and_no_other_step_is() {
    let ended = |status| {
        let mut rows = Rows::default();
        rows.load(Table::Orders, key(1), Row::Order(OrderRow::NONE));
        let effects = advance(&mut rows, &key(1), OrderRow::NONE, status, "why", DateTime::UNIX_EPOCH);
        effects.ended.iter().map(|end| end.outcome).collect::<Vec<_>>()
    };
    assert_eq!((ended(Status::Completed), ended(Status::Cancelled)), (vec!["completed"], vec!["cancelled"]));
    assert!(ended(Status::Pending).is_empty() && ended(Status::Cancelling).is_empty());
}

#[test]
fn an_order_is_due_a_deadline_after_it_was_placed_by_the_databases_clock() {
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let mut rows = Rows::default();
    rows.load(Table::Orders, key(1), Row::Order(OrderRow::NONE));
    let effects = RULES.decide(&place(1, None), &mut rows, now).unwrap();
    let due: Vec<_> = effects.deadlines.iter().map(|deadline| (deadline.name, deadline.due_at)).collect();
    assert_eq!(due, [(DEADLINE, now + chrono::TimeDelta::seconds(60))]);
    let row = order_row(&rows, &key(1)).unwrap();
    assert_eq!((row.created_at, row.updated_at), (now, now));
}

#[test]
fn an_orders_history_says_when_and_why_it_moved_on() {
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let dispatched = |status| {
        let mut rows = Rows::default();
        let row = OrderRow { status, details: Some(details()), ..OrderRow::NONE };
        rows.load(Table::Orders, key(1), Row::Order(row));
        let event = ShippingDispatched { order_id: Uuid::from_u128(1), tracking_number: "T1".into() };
        let effects = RULES.decide(&What::Event(event.into()), &mut rows, now).unwrap();
        assert_eq!((order_row(&rows, &key(1)).unwrap().updated_at, effects.records[0].at), (now, now));
        effects.records[0].reason.clone()
    };
    assert_eq!(dispatched(Status::Pending), "dispatched");
    assert_eq!(dispatched(Status::Cancelling), "dispatched: the cancellation came too late");
}

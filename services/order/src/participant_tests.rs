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
    let overtaking = HANDLED.iter().copied().filter(|event_type| {
        let golden = format!("{}/../../shared/contracts/golden/{event_type}.v1.json", env!("CARGO_MANIFEST_DIR"));
        let payload = std::fs::read_to_string(golden).unwrap();
        RULES.overtakes(&Event::parse(event_type, 1, &payload).unwrap())
    });
    assert_eq!(overtaking.collect::<Vec<_>>(), ["inventory.released"]);
}

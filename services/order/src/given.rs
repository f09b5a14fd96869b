//! Given / when / then for order's rules. What follows is told in words.

use std::time::Duration;

use chrono::DateTime;
use contracts::{InventoryRejected, InventoryReleased, Item, ShippingDispatched, Shortage};
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    cancel_order, on_deadline, on_inventory_rejected, on_inventory_released, on_shipping_dispatched,
    participant::{Order, Reply, order_row},
    place_order::{self, PlaceOrder, Placed},
    state::{Details, OrderRow, Row, Status, Table},
};

const ORDER: Uuid = Uuid::from_u128(1);

type Then = Result<Vec<String>, Refusal>;

pub struct Given {
    rows: Rows<Order>,
}

impl Given {
    pub fn new(status: Status) -> Self {
        let mut rows = Rows::default();
        let row = OrderRow { status, details: Some(details()), ..OrderRow::NONE };
        rows.load(Table::Orders, ORDER.to_string(), Row::Order(row));
        rows.load(Table::Requests, "k", Row::Request(None));
        Self { rows }
    }

    pub fn status(&self) -> Status {
        order_row(&self.rows, &ORDER.to_string()).unwrap().status
    }

    pub fn placed(&mut self, id: u128, key: Option<&str>, body: &[u8]) -> (Vec<String>, Placed) {
        let order_id = Uuid::from_u128(id);
        self.rows.load(Table::Orders, order_id.to_string(), Row::Order(OrderRow::NONE));
        if id > 1 && key.is_none() {
            self.rows.load(Table::Requests, "k", Row::Request(None));
        }
        let command =
            PlaceOrder { order_id, request_key: key.map(str::to_owned), body_hash: body.to_vec(), details: details() };
        let deadline = Duration::from_secs(60);
        let mut effects = place_order::handle(&command, deadline, &mut self.rows, DateTime::UNIX_EPOCH).unwrap();
        let Some(Reply::Placed(placed)) = effects.reply.take() else { panic!("no answer") };
        (words(&effects), placed)
    }

    pub fn cancel(&mut self) -> (Vec<String>, Status) {
        let mut effects = cancel_order::handle(ORDER, &mut self.rows, DateTime::UNIX_EPOCH).unwrap();
        let Some(Reply::Cancel(status)) = effects.reply.take() else { panic!("no answer") };
        (words(&effects), status)
    }

    pub fn deadline(&mut self) -> Then {
        then(on_deadline::handle(&ORDER.to_string(), &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn rejected(&mut self) -> Then {
        let shortages = vec![Shortage { sku: "chair".into(), requested: 2, available: 1 }];
        let event = InventoryRejected { order_id: ORDER, reason: "out of stock".into(), shortages };
        then(on_inventory_rejected::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn released(&mut self) -> Then {
        let event = InventoryReleased { order_id: ORDER, reason: "payment failed".into() };
        then(on_inventory_released::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn dispatched(&mut self) -> Then {
        let event = ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() };
        then(on_shipping_dispatched::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH))
    }
}

pub fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn details() -> Box<Details> {
    Box::new(Details {
        user_id: "ada".into(),
        total_amount: 200,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
        payment_method: None,
        shipping_address: None,
    })
}

fn then(effects: Result<Effects<Order>, Refusal>) -> Then {
    effects.map(|effects| words(&effects))
}

fn words(effects: &Effects<Order>) -> Vec<String> {
    let records = effects.records.iter().map(|entry| format!("history {:?}", entry.status));
    let facts = effects.facts.iter().map(|fact| fact.event_type.to_owned());
    let deadlines = effects.deadlines.iter().map(|deadline| format!("deadline {}", deadline.name));
    let settled = effects.settled.iter().map(|deadline| format!("settle {}", deadline.name));
    records.chain(facts).chain(deadlines).chain(settled).collect()
}

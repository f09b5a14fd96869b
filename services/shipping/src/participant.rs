//! Which rule takes which input.

use chrono::{DateTime, Utc};
use contracts::{Address, Event, topic};
use engine::{
    effects::Effects,
    envelope::Envelope,
    participant::{Participant, Refusal, Undecodable, What},
    rows::{Rows, Touch},
};
use serde::{Deserialize, Serialize};

use crate::{
    on_order_cancellation_requested, on_payment_succeeded, on_ship_answer,
    state::{Row, Table},
};

/// The shipping service.
#[derive(Clone, Copy, Debug)]
pub struct Shipping;

/// Nobody commands shipping: it only reacts.
#[derive(Debug)]
pub enum NoCommand {}

/// Shipping keeps no history beside its rows.
#[derive(Clone, Debug)]
pub enum NoRecord {}

pub const SHIP: &str = "ship";
const HANDLED: &[&str] = &["payment.succeeded", "order.cancellation_requested"];

impl Participant for Shipping {
    type Table = Table;
    type Row = Row;
    type Event = Event;
    type Command = NoCommand;
    type Reply = ();
    type Record = NoRecord;

    const NAME: &'static str = "shipping";
    const TABLES: &'static [Table] = &[Table::Shipments];
    const TOPICS: &'static [&'static str] = &[topic::ORDER_EVENTS, topic::PAYMENT_EVENTS];
    const WRITES: &'static [&'static str] = &[topic::SHIPPING_EVENTS];

    fn absent(&self, _table: Table) -> Row {
        Row::NONE
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Event>, Undecodable> {
        shop::decode(topic, envelope, HANDLED)
    }

    fn overtakes(&self, event: &Event) -> bool {
        matches!(event, Event::OrderCancellationRequested(_))
    }

    fn touches(&self, _table: Table, what: &What<Self>, _rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        match what {
            What::Event(event) => touched.push(Touch::shared(event.order_id().to_string())),
            What::Answer { aggregate_id, .. } => touched.push(Touch::shared(aggregate_id)),
            What::Command(_) | What::Deadline { .. } => {}
        }
    }

    fn decide(&self, what: &What<Self>, rows: &mut Rows<Self>, _now: DateTime<Utc>) -> Result<Effects<Self>, Refusal> {
        match what {
            What::Event(Event::PaymentSucceeded(event)) => on_payment_succeeded::handle(event, rows),
            What::Event(Event::OrderCancellationRequested(event)) => {
                on_order_cancellation_requested::handle(event, rows)
            }
            What::Answer { aggregate_id, step, answer } if step == SHIP => {
                on_ship_answer::handle(aggregate_id, answer, rows)
            }
            other => Err(Refusal::Permanent(format!("shipping has no rule for {other:?}"))),
        }
    }
}

/// What the carrier is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShipIntent {
    pub items: Vec<ShipItem>,
    pub address: Option<Address>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ShipItem {
    pub sku: String,
    pub quantity: u32,
}

#[cfg(test)]
#[path = "participant_tests.rs"]
mod tests;

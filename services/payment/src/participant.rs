//! Which rule takes which input.

use chrono::{DateTime, Utc};
use contracts::{Event, topic};
use engine::{
    effects::{Effects, Intend},
    envelope::Envelope,
    participant::{Participant, Refusal, Undecodable, What},
    rows::{Rows, Touch},
};
use serde::Serialize;

use crate::{
    on_charge_answer, on_inventory_reserved, on_refund_answer, on_shipping_cancelled, on_shipping_failed,
    state::{LedgerEntry, OrderToPay, Row, Table},
};

/// The payment service.
#[derive(Clone, Copy, Debug)]
pub struct Payment;

/// Nobody commands payment: it only reacts.
#[derive(Debug)]
pub enum NoCommand {}

pub const CHARGE: &str = "charge";
pub const REFUND: &str = "refund";
const HANDLED: &[&str] = &["inventory.reserved", "shipping.failed", "shipping.cancelled"];

impl Participant for Payment {
    type Table = Table;
    type Row = Row;
    type Event = Event;
    type Command = NoCommand;
    type Reply = ();
    type Record = LedgerEntry;

    const NAME: &'static str = "payment";
    const TABLES: &'static [Table] = &[Table::Payments];
    const TOPICS: &'static [&'static str] = &[topic::INVENTORY_EVENTS, topic::SHIPPING_EVENTS];
    const WRITES: &'static [&'static str] = &[topic::PAYMENT_EVENTS];

    fn absent(&self, _table: Table) -> Row {
        Row::NONE
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Event>, Undecodable> {
        shop::decode(topic, envelope, HANDLED)
    }

    fn overtakes(&self, event: &Event) -> bool {
        matches!(event, Event::ShippingFailed(_) | Event::ShippingCancelled(_))
    }

    fn touches(&self, _table: Table, what: &What<Self>, _rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        match what {
            What::Event(event) => touched.push(Touch::shared(event.order_id().to_string())),
            What::Answer { aggregate_id, .. } => touched.push(Touch::shared(aggregate_id)),
            What::Command(_) | What::Deadline { .. } => {}
        }
    }

    fn decide(&self, what: &What<Self>, rows: &mut Rows<Self>, now: DateTime<Utc>) -> Result<Effects<Self>, Refusal> {
        match what {
            What::Event(Event::InventoryReserved(event)) => on_inventory_reserved::handle(event, rows),
            What::Event(Event::ShippingFailed(event)) => on_shipping_failed::handle(event, rows),
            What::Event(Event::ShippingCancelled(event)) => on_shipping_cancelled::handle(event, rows),
            What::Answer { aggregate_id, step, answer } if step == CHARGE => {
                on_charge_answer::handle(aggregate_id, answer, rows, now)
            }
            What::Answer { aggregate_id, step, answer } if step == REFUND => {
                on_refund_answer::handle(aggregate_id, answer, rows, now)
            }
            other => Err(Refusal::Permanent(format!("payment has no rule for {other:?}"))),
        }
    }
}

/// What the provider is asked for when a charge is intended.
#[derive(Debug, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargeIntent {
    pub amount: i64,
    pub currency: String,
    pub payment_method: Option<String>,
    /// Nothing is to be charged any more: the key is cancelled, and answers what it has come to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
}

/// What the provider is asked for when a refund is intended.
#[derive(Debug, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundIntent {
    pub charge_id: String,
    pub amount: i64,
    pub currency: String,
}

/// The charge is called off: from now on its call sees to it that its key never charges, instead of charging.
pub(crate) fn cancel_charge(order: &str, paid: &OrderToPay) -> Result<Intend, Refusal> {
    let request =
        ChargeIntent { amount: paid.amount, currency: paid.currency.clone(), payment_method: None, cancel: true };
    intend(order, CHARGE, &request)
}

/// The money of a charge goes back, all of it.
pub(crate) fn refund(order: &str, paid: &OrderToPay, charge_id: &str) -> Result<Intend, Refusal> {
    let request =
        RefundIntent { charge_id: charge_id.to_owned(), amount: paid.amount, currency: paid.currency.clone() };
    intend(order, REFUND, &request)
}

/// The key under which the provider knows a call.
pub(crate) fn key(order: &str, step: &str) -> String {
    format!("{order}/{step}")
}

pub(crate) fn intend(order: &str, step: &'static str, request: &impl Serialize) -> Result<Intend, Refusal> {
    let request = serde_json::to_string(request).map_err(|error| Refusal::Permanent(error.to_string()))?;
    Ok(Intend { aggregate_id: order.to_owned(), step, request })
}

/// What is paid for. Known in every state that is past none and voided.
pub(crate) fn paid(row: &Row) -> Result<&OrderToPay, Refusal> {
    row.order.as_ref().ok_or_else(|| Refusal::Permanent(format!("nothing is known of what is paid: {row:?}")))
}

#[cfg(test)]
#[path = "participant_tests.rs"]
mod tests;

//! Which rule takes which input, and which rows it needs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::{Event, topic};
use engine::{
    effects::{Effects, SagaEnd, SettleDeadline},
    envelope::Envelope,
    participant::{Participant, Refusal, Undecodable, What},
    rows::{Rows, Touch},
};
use uuid::Uuid;

use crate::{
    cancel_order, on_deadline, on_inventory_rejected, on_inventory_released, on_shipping_dispatched,
    place_order::{self, PlaceOrder, Placed},
    state::{HistoryEntry, OrderRow, Request, Row, Status, Table},
};

/// The order service.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How long an order may take before its cancellation is requested.
    pub deadline: Duration,
}

#[derive(Debug)]
pub enum Command {
    Place(Box<PlaceOrder>),
    Cancel(Uuid),
}

#[derive(Debug)]
pub enum Reply {
    Placed(Placed),
    /// What the order's status is after the request to cancel.
    Cancel(Status),
}

/// The deadline's name.
pub const DEADLINE: &str = "order";
const HANDLED: &[&str] = &["inventory.rejected", "inventory.released", "shipping.dispatched"];

impl Participant for Order {
    type Table = Table;
    type Row = Row;
    type Event = Event;
    type Command = Command;
    type Reply = Reply;
    type Record = HistoryEntry;

    const NAME: &'static str = "order";
    const TABLES: &'static [Table] = &[Table::Requests, Table::Orders];
    const TOPICS: &'static [&'static str] = &[topic::INVENTORY_EVENTS, topic::SHIPPING_EVENTS];
    const WRITES: &'static [&'static str] = &[topic::ORDER_EVENTS];

    fn absent(&self, table: Table) -> Row {
        match table {
            Table::Requests => Row::Request(None),
            Table::Orders => Row::Order(OrderRow::NONE),
        }
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Event>, Undecodable> {
        shop::decode(topic, envelope, HANDLED)
    }

    fn overtakes(&self, event: &Event) -> bool {
        matches!(event, Event::InventoryReleased(_))
    }

    fn touches(&self, table: Table, what: &What<Self>, rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        match (table, what) {
            (Table::Requests, What::Command(Command::Place(command))) => {
                touched.extend(command.request_key.as_deref().map(Touch::shared));
            }
            (Table::Orders, What::Command(Command::Place(command))) => {
                touched.push(match earlier_request(rows, command) {
                    Some(request) => Touch::shared(&request.order_id),
                    None => Touch::fresh(command.order_id.to_string()),
                });
            }
            (Table::Orders, What::Command(Command::Cancel(order))) => touched.push(Touch::shared(order.to_string())),
            (Table::Orders, What::Event(event)) => touched.push(Touch::shared(event.order_id().to_string())),
            (Table::Orders, What::Deadline { aggregate_id, .. }) => touched.push(Touch::shared(aggregate_id)),
            _ => {}
        }
    }

    fn decide(&self, what: &What<Self>, rows: &mut Rows<Self>, now: DateTime<Utc>) -> Result<Effects<Self>, Refusal> {
        match what {
            What::Command(Command::Place(command)) => place_order::handle(command, self.deadline, rows, now),
            What::Command(Command::Cancel(order)) => cancel_order::handle(*order, rows, now),
            What::Deadline { aggregate_id, .. } => on_deadline::handle(aggregate_id, rows, now),
            What::Event(Event::InventoryRejected(event)) => on_inventory_rejected::handle(event, rows, now),
            What::Event(Event::InventoryReleased(event)) => on_inventory_released::handle(event, rows, now),
            What::Event(Event::ShippingDispatched(event)) => on_shipping_dispatched::handle(event, rows, now),
            other => Err(Refusal::Permanent(format!("order has no rule for {other:?}"))),
        }
    }
}

/// What was asked before under the command's idempotency key.
pub(crate) fn earlier_request<'a>(rows: &'a Rows<Order>, command: &PlaceOrder) -> Option<&'a Request> {
    match rows.find(Table::Requests, command.request_key.as_deref()?) {
        Some(Row::Request(Some(request))) => Some(request),
        _ => None,
    }
}

/// The order's row.
pub(crate) fn order_row(rows: &Rows<Order>, order: &str) -> Result<OrderRow, Refusal> {
    match rows.get(Table::Orders, order) {
        Row::Order(row) => Ok(row.clone()),
        Row::Request(_) => Err(Refusal::Permanent(format!("{order} is no order"))),
    }
}

/// Moves an order on and writes its history.
pub(crate) fn advance(
    rows: &mut Rows<Order>,
    order: &str,
    before: OrderRow,
    status: Status,
    reason: &str,
    now: DateTime<Utc>,
) -> Effects<Order> {
    let began_at = before.created_at;
    rows.set(Table::Orders, order, Row::Order(OrderRow { status, updated_at: now, ..before }));
    let entry = HistoryEntry { order_id: order.to_owned(), status, reason: reason.to_owned(), at: now };
    let effects = Effects::none().record(entry);
    match status {
        Status::Completed | Status::Cancelled => effects.end(SagaEnd { outcome: status.text(), began_at }),
        Status::None | Status::Pending | Status::Cancelling => effects,
    }
}

/// The order ended, so its deadline is settled.
pub(crate) fn settle(order: &str) -> SettleDeadline {
    SettleDeadline { aggregate_id: order.to_owned(), name: DEADLINE }
}

#[cfg(test)]
#[path = "participant_tests.rs"]
mod tests;

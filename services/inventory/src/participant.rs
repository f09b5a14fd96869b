//! Which rule takes which input, and which rows it needs.

use chrono::{DateTime, Utc};
use contracts::{Event, Item, topic};
use engine::{
    effects::Effects,
    envelope::Envelope,
    participant::{Participant, Refusal, Undecodable, What},
    rows::{Rows, Touch},
};

use crate::{
    on_order_placed, on_payment_failed, on_payment_refunded, on_payment_voided, on_shipping_dispatched,
    set_stock::{self, SetStock, StockSet},
    state::{LedgerEntry, Reservation, Row, Stock, Table},
};

/// The inventory service.
#[derive(Clone, Copy, Debug)]
pub struct Inventory;

const HANDLED: &[&str] =
    &["order.placed", "payment.failed", "payment.refunded", "payment.voided", "shipping.dispatched"];

impl Participant for Inventory {
    type Table = Table;
    type Row = Row;
    type Event = Event;
    type Command = SetStock;
    type Reply = StockSet;
    type Record = LedgerEntry;

    const NAME: &'static str = "inventory";
    const TABLES: &'static [Table] = &[Table::Reservations, Table::Stock];
    const TOPICS: &'static [&'static str] = &[topic::ORDER_EVENTS, topic::PAYMENT_EVENTS, topic::SHIPPING_EVENTS];
    const WRITES: &'static [&'static str] = &[topic::INVENTORY_EVENTS];

    fn absent(&self, table: Table) -> Row {
        match table {
            Table::Reservations => Row::Reservation(Reservation::NONE),
            Table::Stock => Row::Stock(Stock::default()),
        }
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Event>, Undecodable> {
        shop::decode(topic, envelope, HANDLED)
    }

    fn overtakes(&self, event: &Event) -> bool {
        matches!(event, Event::PaymentFailed(_) | Event::PaymentRefunded(_) | Event::PaymentVoided(_))
    }

    fn touches(&self, table: Table, what: &What<Self>, rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        match (table, what) {
            (Table::Reservations, What::Event(event)) => touched.push(Touch::shared(event.order_id().to_string())),
            (Table::Stock, What::Event(Event::OrderPlaced(event))) => touch_stock(&event.items, touched),
            (Table::Stock, What::Event(event)) => {
                if let Some(Row::Reservation(reservation)) =
                    rows.find(Table::Reservations, &event.order_id().to_string())
                {
                    touch_stock(&reservation.items, touched);
                }
            }
            (Table::Stock, What::Command(command)) => touched.push(Touch::shared(&command.sku)),
            _ => {}
        }
    }

    fn decide(&self, what: &What<Self>, rows: &mut Rows<Self>, now: DateTime<Utc>) -> Result<Effects<Self>, Refusal> {
        match what {
            What::Event(Event::OrderPlaced(event)) => on_order_placed::handle(event, rows, now),
            What::Event(Event::PaymentFailed(event)) => on_payment_failed::handle(event, rows, now),
            What::Event(Event::PaymentRefunded(event)) => on_payment_refunded::handle(event, rows, now),
            What::Event(Event::PaymentVoided(event)) => on_payment_voided::handle(event, rows, now),
            What::Event(Event::ShippingDispatched(event)) => on_shipping_dispatched::handle(event, rows, now),
            What::Command(command) => set_stock::handle(command, rows, now),
            other => Err(Refusal::Permanent(format!("inventory has no rule for {other:?}"))),
        }
    }
}

fn touch_stock(items: &[Item], touched: &mut Vec<Touch>) {
    touched.extend(items.iter().map(|item| Touch::shared(&item.sku)));
}

/// The reservation of an order.
pub(crate) fn reservation<'a>(rows: &'a Rows<Inventory>, order: &str) -> Result<&'a Reservation, Refusal> {
    match rows.get(Table::Reservations, order) {
        Row::Reservation(reservation) => Ok(reservation),
        Row::Stock(_) => Err(Refusal::Permanent(format!("{order} is no reservation"))),
    }
}

/// The stock of a SKU.
pub(crate) fn stock(rows: &Rows<Inventory>, sku: &str) -> Result<Stock, Refusal> {
    match rows.get(Table::Stock, sku) {
        Row::Stock(stock) => Ok(*stock),
        Row::Reservation(_) => Err(Refusal::Permanent(format!("{sku} is no stock row"))),
    }
}

/// Moves pieces of a SKU for an order and writes the ledger line. Never below zero, never beyond what fits.
pub(crate) fn move_stock(
    rows: &mut Rows<Inventory>,
    effects: &mut Effects<Inventory>,
    entry: LedgerEntry,
) -> Result<(), Refusal> {
    let before = stock(rows, &entry.sku)?;
    let moved = |from: i64, by: i64| {
        from.checked_add(by)
            .filter(|pieces| *pieces >= 0)
            .ok_or_else(|| Refusal::Permanent(format!("stock of {} cannot go from {before:?} by {entry:?}", entry.sku)))
    };
    let after = Stock {
        available: moved(before.available, entry.available)?,
        reserved: moved(before.reserved, entry.reserved)?,
        shipped: moved(before.shipped, entry.shipped)?,
    };
    rows.set(Table::Stock, &entry.sku, Row::Stock(after));
    effects.records.push(entry);
    Ok(())
}

#[cfg(test)]
#[path = "participant_tests.rs"]
mod tests;

//! Inventory's and order's tables side by side, so that one script tries both.

use choreography_core::{
    Row,
    routes::{Further, Moment, Reacts, Routed, Routes, Service, TableId, nothing},
};
use contracts::{OrderPlaced, PaymentFailed, PaymentVoided};
use inventory::{reservation::Reservation, stock::Stock};
use order::{order_row::OrderRow, request::Request};

/// Their rows as they declare them. No rules run here.
#[derive(Debug)]
pub struct Tried;

pub type Both = Routed;

pub const RESERVATIONS: TableId = TableId(Reservation::TABLE);
pub const STOCK: TableId = TableId(Stock::TABLE);
pub const REQUESTS: TableId = TableId(Request::TABLE);
pub const ORDERS: TableId = TableId(OrderRow::TABLE);

impl Service for Tried {
    type Aggregate = Reservation;

    const NAME: &'static str = "both";

    fn routes(on: &mut Routes<Self>) {
        on.event_with::<OrderPlaced, Stock>(none, nothing_follows);
        on.event_with::<PaymentFailed, Request>(none, nothing_follows);
        on.event_with::<PaymentVoided, OrderRow>(none, nothing_follows);
    }
}

fn none<E>(_: &E, _: &Reservation) -> Vec<String> {
    Vec::new()
}

fn nothing_follows<E, X>(_: &E, _: &mut Reservation, _: &mut Further<X>, _: &Moment<'_, Tried>) -> Reacts {
    Ok(nothing())
}

/// The tables with their statements.
pub fn both() -> Both {
    Routed::new(Tried).unwrap_or_else(|wrong| panic!("{wrong}"))
}

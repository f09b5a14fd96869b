//! What the tests of order's rules begin with.

use std::time::Duration;

use choreography::testing::Given;
use chrono::DateTime;
use contracts::{Address, InventoryRejected, InventoryReleased, Item, OrderDetails, ShippingDispatched, Shortage};
use uuid::Uuid;

use crate::{
    Order,
    order_row::{OrderRow, Status},
};

pub const ORDER: Uuid = Uuid::from_u128(1);

pub fn given_nothing() -> Given<Order> {
    Given::nothing(Order { deadline: Duration::from_secs(60) })
}

/// An order of this status; one that was never placed is not there.
pub fn given(status: Status) -> Given<Order> {
    match status {
        Status::None => given_nothing(),
        _ => given_nothing().row(ORDER, OrderRow { status, ..OrderRow::placed(details(), DateTime::UNIX_EPOCH) }),
    }
}

pub fn status(given: &Given<Order>) -> Status {
    given.find::<OrderRow>(ORDER).status
}

pub fn details() -> OrderDetails {
    OrderDetails {
        user_id: "ada".into(),
        total_amount: 200,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
        payment_method: None,
        shipping_address: None,
        sealed_address: None,
    }
}

pub fn address() -> Address {
    Address {
        name: "Ada".into(),
        line1: "1 Road".into(),
        line2: None,
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    }
}

pub fn rejected() -> InventoryRejected {
    let shortages = vec![Shortage { sku: "chair".into(), requested: 2, available: 1 }];
    InventoryRejected { order_id: ORDER, reason: "out of stock".into(), shortages }
}

pub fn released() -> InventoryReleased {
    InventoryReleased { order_id: ORDER, reason: "payment failed".into() }
}

pub fn dispatched() -> ShippingDispatched {
    ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() }
}

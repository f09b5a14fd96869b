//! Rows of the services' own tables, as their rules would write them.

use choreography_core::{AnyRow, Json, routes::TableId};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{Address, Item, OrderDetails};
use inventory::{
    reservation::{Reservation, State},
    stock::Stock,
};
use order::{
    order_row::{OrderRow, Status},
    request::Request,
};

use crate::both::{REQUESTS, RESERVATIONS, STOCK};

/// A row that was never written before, by its number.
pub fn row(table: TableId, key: &str, number: u64) -> AnyRow {
    let n = i64::try_from(number).unwrap();
    if table == RESERVATIONS {
        let items = Json(vec![Item { sku: "chair".into(), quantity: n as u32, price: n }]);
        AnyRow::new(Reservation { state: State::Reserved, items })
    } else if table == STOCK {
        AnyRow::new(Stock { available: n, reserved: n, shipped: 0 })
    } else if table == REQUESTS {
        let (body_hash, order_id) = (Some(vec![0, 255, number as u8]), Some(format!("o{number}")));
        AnyRow::new(Request { body_hash, order_id, at: at(n) })
    } else {
        let status = [Status::Pending, Status::Cancelling, Status::Completed, Status::Cancelled][number as usize % 4];
        AnyRow::new(OrderRow { status, updated_at: at(n), ..OrderRow::placed(details(key), at(0)) })
    }
}

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(365 * 30) + TimeDelta::hours(hours)
}

/// What was ordered never changes. Of every second order all is known that can be.
fn details(key: &str) -> OrderDetails {
    let everything = key.as_bytes().last().is_some_and(|last| last % 2 == 0);
    let address = Address {
        name: "Ada".into(),
        line1: "1 \"Road\" \\ {x,NULL}".into(),
        line2: Some("2nd floor".into()),
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    };
    OrderDetails {
        user_id: "ada".into(),
        total_amount: i64::MAX - 1,
        currency: "EUR".into(),
        items: vec![
            Item { sku: "\"chair\"".into(), quantity: 2, price: 100 },
            Item { sku: key.into(), quantity: 1, price: 0 },
        ],
        payment_method: everything.then(|| "tok_visa".into()),
        shipping_address: everything.then_some(address),
        sealed_address: everything.then(|| "sealed".into()),
    }
}

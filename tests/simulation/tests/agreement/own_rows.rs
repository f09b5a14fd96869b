//! Rows of the services' own tables, as their rules would write them.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{Address, Item};
use inventory::state::{self as stock, Reservation, ReservationState, Stock};
use order::state::{self as orders, Details, OrderRow, Request, Status};

use crate::both::{REQUESTS, RESERVATIONS, Row, Table};

/// A row that was never written before, by its number.
pub fn row(table: Table, key: &str, number: u64) -> Row {
    let n = i64::try_from(number).unwrap();
    match table {
        RESERVATIONS => Row::Stock(stock::Row::Reservation(Reservation {
            state: ReservationState::Reserved,
            items: vec![Item { sku: "chair".into(), quantity: n as u32, price: n }],
        })),
        Table::Stock(_) => Row::Stock(stock::Row::Stock(Stock { available: n, reserved: n, shipped: 0 })),
        REQUESTS => Row::Orders(orders::Row::Request(Some(Request {
            body_hash: vec![0, 255, number as u8],
            order_id: format!("o{number}"),
            at: at(n),
        }))),
        Table::Orders(_) => Row::Orders(orders::Row::Order(OrderRow {
            status: [Status::Pending, Status::Cancelling, Status::Completed, Status::Cancelled][number as usize % 4],
            details: Some(Box::new(details(key))),
            created_at: at(0),
            updated_at: at(n),
        })),
    }
}

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(365 * 30) + TimeDelta::hours(hours)
}

/// What was ordered never changes. Of every second order all is known that can be.
fn details(key: &str) -> Details {
    let everything = key.as_bytes().last().is_some_and(|last| last % 2 == 0);
    let address = Address {
        name: "Ada".into(),
        line1: "1 \"Road\" \\ {x,NULL}".into(),
        line2: Some("2nd floor".into()),
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    };
    Details {
        user_id: "ada".into(),
        total_amount: i64::MAX - 1,
        currency: "EUR".into(),
        items: vec![
            Item { sku: "\"chair\"".into(), quantity: 2, price: 100 },
            Item { sku: key.into(), quantity: 1, price: 0 },
        ],
        payment_method: everything.then(|| "tok_visa".into()),
        shipping_address: everything.then_some(address),
    }
}

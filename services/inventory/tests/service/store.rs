//! Inventory's rows on a real PostgreSQL.

use choreography_core::Json;
use contracts::Item;
use inventory::{
    Inventory, MIGRATIONS,
    reservation::{Reservation, State},
    stock::Stock,
};
use one_service::OneService;

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let service = OneService::start(Inventory, &MIGRATIONS).await;
    let items = |count| vec![Item { sku: "ch\"air".into(), quantity: 2, price: i64::MAX }; count];
    let reservation = |(count, state): (usize, &State)| Reservation { state: *state, items: Json(items(count)) };
    service.keeps(State::ALL.iter().enumerate().map(reservation).collect()).await;
    let stock = |pieces| Stock { available: pieces, reserved: pieces / 2, shipped: 1 };
    service.keeps(vec![Stock::default(), stock(7), stock(i64::MAX)]).await;
}

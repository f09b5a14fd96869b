//! Inventory: stock per SKU beside the reservations, and its ledger.

use contracts::{OrderPlaced, PaymentVoided};
use inventory::{Inventory, MIGRATIONS, set_stock::SetStock};
use one_service::OneService;
use uuid::Uuid;

use super::{are_right, relay::relay};
use crate::events::{arrive, details, published};

/// Those of a relay apart.
pub const EXPECTED: &str = "
    changed, inbox_new, locked, new, records, seen, waits, insert inbox, insert reservations, insert stock,
    insert stock_ledger, read held_events, read reservations, read stock, update reservations,
    update stock";

const FILL: &str = "
    INSERT INTO reservations (order_id, state) SELECT 'full ' || n, 'shipped' FROM generate_series(1, 2000) n;
    INSERT INTO stock (sku, available, reserved, shipped) SELECT 'full ' || n, 1, 0, 0 FROM generate_series(1, 2000) n;
    INSERT INTO stock_ledger (sku, change, available, reserved, shipped, at)
        SELECT 'full ' || n, 'set', 1, 0, 0, now() FROM generate_series(1, 2000) n;";

#[tokio::test]
async fn no_statement_for_further_rows_reads_a_table_whole() {
    let world = OneService::start(Inventory, &MIGRATIONS).await;
    let work = async |n: u128| {
        for on_hand in [5, 6] {
            world.asked(SetStock { sku: format!("lamp {n}"), on_hand }).await;
        }
        world.asked(SetStock { sku: "chair".into(), on_hand: 100 }).await;
        let placed = |order: u128| {
            let event = OrderPlaced { order_id: Uuid::from_u128(order), details: details() };
            published(Uuid::now_v7(), &event, order as i64)
        };
        let voided = |order: u128| {
            let event = PaymentVoided { order_id: Uuid::from_u128(order), reason: "cancelled".into() };
            published(Uuid::now_v7(), &event, order as i64)
        };
        arrive(&world, &[placed(n), placed(100 + n)]).await;
        arrive(&world, &[voided(n), voided(200 + n)]).await;
        relay(&world).await;
    };
    are_right(&world, FILL, EXPECTED, work).await;
}

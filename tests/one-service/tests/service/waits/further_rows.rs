//! Further rows, and rows of commands, that another transaction is changing or writing.

use std::time::Duration;

use choreography_core::input::Verdict::Applied;
use contracts::OrderPlaced;
use inventory::{
    Inventory,
    set_stock::{SetStock, StockSet},
    stock::Stock,
};
use one_service::OneService;
use order::{
    Order,
    place_order::{PlaceOrder, Placed},
};
use uuid::Uuid;

use super::{Commit, RollBack, meets, open, reply, verdict};
use crate::events::details;

fn set(on_hand: i64) -> SetStock {
    SetStock { sku: "chair".into(), on_hand }
}

fn placed(order: u128) -> OrderPlaced {
    OrderPlaced { order_id: Uuid::from_u128(order), details: details() }
}

async fn stock(world: &OneService<Inventory>) -> Vec<String> {
    world.texts("SELECT sku || ' ' || available || ' ' || reserved FROM stock").await
}

#[tokio::test]
async fn a_further_row_that_another_is_changing_is_waited_for_and_read_as_it_is_then() {
    let world = OneService::start(Inventory, &inventory::MIGRATIONS).await;
    world.asked(set(5)).await;
    // Another sets four of the five chairs aside.
    let take = "UPDATE stock SET available = available - 4, reserved = reserved + 4 WHERE sku = 'chair'";
    let first = open(&world, take.to_owned()).await;
    let reserved = meets(&world, first, RollBack, world.told(placed(1))).await;
    assert!(matches!(verdict(reserved), Applied(None)));
    assert_eq!(stock(&world).await, ["chair 3 2"]);
    let take = "UPDATE stock SET available = available - 2, reserved = reserved + 2 WHERE sku = 'chair'";
    let first = open(&world, take.to_owned()).await;
    let rejected = meets(&world, first, Commit, world.told(placed(2))).await;
    assert!(matches!(verdict(rejected), Applied(None)));
    assert_eq!(stock(&world).await, ["chair 1 4"]);
    assert_eq!(world.texts("SELECT state FROM reservations ORDER BY order_id").await, ["reserved", "rejected"]);
    assert_eq!(world.published().await, ["inventory.reserved", "inventory.rejected"]);
}

#[tokio::test]
async fn a_row_of_a_command_that_another_is_writing_is_waited_for_and_changed() {
    let world = OneService::start(Inventory, &inventory::MIGRATIONS).await;
    let insert = "WITH line AS (INSERT INTO stock_ledger (sku, change, available, reserved, shipped, at)
                                VALUES ('chair', 'set', 5, 0, 0, now()))
                  INSERT INTO stock (sku, available, reserved, shipped) VALUES ('chair', 5, 0, 0)";
    let first = open(&world, insert.to_owned()).await;
    let answer: StockSet = reply(meets(&world, first, Commit, world.asked(set(7))).await);
    assert_eq!(answer, StockSet::Done(Stock { available: 7, reserved: 0, shipped: 0 }));
    assert_eq!(stock(&world).await, ["chair 7 0"]);
    let ledger = world.texts("SELECT available::text FROM stock_ledger ORDER BY number").await;
    assert_eq!(ledger, ["5", "2"], "what was there by then counts");
}

fn place(order: u128, body: u8) -> PlaceOrder {
    let (order_id, request_key) = (Uuid::from_u128(order), Some("k".to_owned()));
    PlaceOrder { order_id, request_key, body_hash: vec![body], details: Box::new(details()), fresh: None }
}

#[tokio::test]
async fn a_request_that_another_replica_is_placing_under_the_same_key_is_waited_for_and_answered_as_there() {
    let world = OneService::start(Order { deadline: Duration::from_secs(900) }, &order::MIGRATIONS).await;
    let key = "INSERT INTO requests (request_key, body_hash, order_id) VALUES ('k', '\\x01', 'theirs')";
    let first = open(&world, key.to_owned()).await;
    let answer: Placed = reply(meets(&world, first, Commit, world.asked(place(1, 1))).await);
    assert_eq!(answer, Placed::Before("theirs".into()));
    sqlx::query("DELETE FROM requests").execute(&world.pool).await.expect("the key is free");
    let first = open(&world, key.to_owned()).await;
    let answer: Placed = reply(meets(&world, first, Commit, world.asked(place(2, 2))).await);
    assert_eq!(answer, Placed::KeyReused);
    assert_eq!(world.count("SELECT count(*) FROM orders").await, 0);
    assert_eq!(world.published().await, [""; 0]);
    sqlx::query("DELETE FROM requests").execute(&world.pool).await.expect("the key is free");
    let first = open(&world, key.to_owned()).await;
    let answer: Placed = reply(meets(&world, first, RollBack, world.asked(place(3, 1))).await);
    assert!(matches!(answer, Placed::Now(_)), "{answer:?}");
    let orders = world.texts("SELECT o.order_id FROM orders o JOIN requests USING (order_id)").await;
    assert_eq!(orders, [Uuid::from_u128(3).to_string()]);
}

//! A session locks rows, or a whole table: only the inputs that need them wait, and they go on by themselves.

use harness::{World, story_alone, typed};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

const EACH: usize = 12;

#[test]
fn locked_stock_rows_keep_only_the_orders_that_need_them() {
    story_alone(|world| async {
        let free = world.stocked("lamp", 100).await;
        let mut locked = Vec::new();
        for name in ["chair", "table", "shelf"] {
            locked.push(world.stocked(name, 100).await);
        }
        let mut db = world.database("inventory").await;
        let mut session = db.begin().await.expect("a transaction");
        sqlx::query("SELECT FROM stock WHERE sku = ANY($1) FOR UPDATE")
            .bind(&locked)
            .execute(&mut *session)
            .await
            .expect("the rows are locked");

        let (mut waiting, mut others) = (Vec::new(), Vec::new());
        for n in 0..EACH {
            waiting.push(world.place(&[(&locked[n % locked.len()], 1), (&free, 1)], "tok_visa", "Vienna").await);
            others.push(world.place(&[(&free, 1)], "tok_visa", "Vienna").await);
        }
        for order in &others {
            world.eventually(order, "completed").await;
        }
        // They step aside for as long as it takes, and none is set aside for it.
        for order in &waiting {
            step_aside(world, order).await;
        }
        // The rows are known by now.
        let later = world.place(&[(&free, 1)], "tok_visa", "Vienna").await;
        world.eventually(&later, "completed").await;

        session.rollback().await.expect("the session ends");
        for order in &waiting {
            world.eventually(order, "completed").await;
            assert!(world.dead_letters(order, "inventory").is_empty());
        }
    });
}

async fn step_aside(world: &World, order: &str) {
    world
        .until("the order's event has stepped aside", || async {
            let deferred = world.deferred("inventory", order).await;
            match deferred.first() {
                Some(first) if first["status"] == "retrying" && first["errorClass"] == "locked" => Ok(()),
                _ => Err(format!("{deferred:?}")),
            }
        })
        .await;
}

#[test]
fn a_locked_table_makes_inventory_wait_and_moves_nothing_aside() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 100).await;
        let mut db = world.database("inventory").await;
        let mut session = db.begin().await.expect("a transaction");
        // Readers may, writers may not: as while an index is made.
        sqlx::query("LOCK TABLE stock IN EXCLUSIVE MODE").execute(&mut *session).await.expect("the table is locked");
        let mut orders = Vec::new();
        for _ in 0..EACH {
            orders.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
        }
        let inventory = world.system.find("inventory").expect("inventory runs");
        world
            .until("inventory says that it waits", || async {
                let log = inventory.process.log_tail(200);
                if log.contains("a table is locked as a whole") { Ok(()) } else { Err(log) }
            })
            .await;
        for order in &orders {
            let deferred = world.deferred("inventory", order).await;
            assert!(deferred.is_empty(), "{deferred:?}");
        }
        session.rollback().await.expect("the session ends");
        for order in &orders {
            world.eventually(order, "completed").await;
        }
    });
}

/// A compensation may pass a parked event of its key; if it fails the first time, it gets through all the same.
#[test]
fn a_compensation_that_fails_once_behind_a_parked_event_gets_through() {
    story_alone(|world| async {
        let order = Uuid::now_v7().to_string();
        world.type_in("shipping-events", &typed("shipping.dispatched", &order, json!({"trackingNumber": "T1"}))).await;
        world.dead_lettered(&order, "inventory").await;
        let mut db = world.database("inventory").await;
        sqlx::query("INSERT INTO reservations (order_id, state) VALUES ($1, 'none')")
            .bind(&order)
            .execute(&mut db)
            .await
            .expect("there is a row");
        let mut session = db.begin().await.expect("a transaction");
        sqlx::query("SELECT FROM reservations WHERE order_id = $1 FOR UPDATE")
            .bind(&order)
            .execute(&mut *session)
            .await
            .expect("the row is locked");
        world.type_in("payment-events", &typed("payment.failed", &order, json!({"reason": "declined"}))).await;
        world
            .until("the compensation is tried again behind the parked event", || async {
                let deferred = world.deferred("inventory", &order).await;
                let found = deferred
                    .iter()
                    .any(|deferred| deferred["eventType"] == "payment.failed" && deferred["status"] == "retrying");
                if found && deferred[0]["status"] == "parked" { Ok(()) } else { Err(format!("{deferred:?}")) }
            })
            .await;
        session.rollback().await.expect("the session ends");
        world.appears(&order, "inventory.released").await;
        let deferred = world.deferred("inventory", &order).await;
        assert_eq!(deferred.len(), 1, "the parked one still waits for an operator: {deferred:?}");
    });
}

//! Crashes at the worst moments, with kill -9's consequences: each event has one effect, in key order.

use std::time::Duration;

use harness::{Money, World, story_alone, typed};
use serde_json::json;
use uuid::Uuid;

const PATH: [&str; 5] =
    ["order.placed", "inventory.reserved", "payment.succeeded", "shipping.dispatched", "order.completed"];
const SOON: Duration = Duration::from_secs(60);

/// Replaces a service by replicas that end at a step.
pub(crate) async fn armed(world: &World, service: &str, step: &str, replicas: &[&str]) {
    world.system.stop(service).await.expect("the service drains");
    for name in replicas {
        world.system.spawn(service, name, &[("SAGA_CRASH_AT", step)]).expect("the replica starts");
    }
}

/// Waits until one of the replicas ended at its step, ends the others, and starts a sound one.
pub(crate) async fn crashed_and_replaced(world: &World, service: &str, replicas: &[&str]) {
    world
        .until("a replica ended at its step", || async {
            let ended = replicas
                .iter()
                .filter_map(|name| world.system.find(name))
                .any(|running| matches!(running.process.exit_status(), Ok(Some(_))));
            if ended { Ok(()) } else { Err("all of them run".to_owned()) }
        })
        .await;
    for name in replicas {
        let running = world.system.find(name).expect("it was started");
        assert!(
            running.process.log_tail(200).contains("ending here")
                || running.process.exit_status().is_ok_and(|status| status.is_none()),
            "{name} ended for another reason:\n{}",
            running.process.log_tail(30)
        );
        world.system.kill(name).expect("it dies");
    }
    world.replica(service, service, &[]).await;
}

#[test]
fn a_crash_between_database_and_offset_commit_repeats_nothing() {
    for service in local::system::publishers() {
        story_alone(|world| async move {
            let chair = world.stocked("chair", 5).await;
            // The URL of the order service must stand, so an order is placed before order itself is armed.
            let order = if service == "order" {
                let shipping = world.system.find("shipping").expect("shipping runs");
                shipping.process.freeze().expect("shipping stands still");
                let order = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
                world.appears(&order, "payment.succeeded").await;
                armed(world, service, "intake.committed", &["armed"]).await;
                shipping.process.thaw().expect("shipping goes on");
                order
            } else {
                armed(world, service, "intake.committed", &["armed"]).await;
                world.place(&[(&chair, 1)], "tok_visa", "Vienna").await
            };
            crashed_and_replaced(world, service, &["armed"]).await;
            world.eventually(&order, "completed").await;
            assert_eq!(world.log.path_of(&order), PATH, "{service:?}");
            assert_eq!(world.money(&order).await, Money { captured: 4_900, refunded: 0 });
        });
    }
}

#[test]
fn a_crash_at_any_step_of_parking_dead_letters_each_event_once_and_in_order() {
    for step in ["handler.written", "intake.committed", "relay.acknowledged", "relay.marked"] {
        story_alone(|world| async move {
            let order = Uuid::now_v7().to_string();
            let replicas = ["armed-1", "armed-2"];
            armed(world, "inventory", step, &replicas).await;
            let parked = typed("shipping.dispatched", &order, json!({"trackingNumber": "T1"}));
            world.type_in("shipping-events", &parked).await;
            crashed_and_replaced(world, "inventory", &replicas).await;

            let dead = world.dead_lettered(&order, "inventory").await;
            assert_eq!(dead.payload, Some(parked.bytes()), "{step}");
            let deferred = world.deferred("inventory", &order).await;
            assert_eq!(deferred.len(), 1, "{step}: {deferred:?}");
            assert_eq!(world.effects("inventory", parked.id()).await, 1, "{step}");
        });
    }
}

#[test]
fn a_crash_after_a_redrive_was_committed_leaves_its_one_effect() {
    story_alone(|world| async {
        let order = Uuid::now_v7().to_string();
        let parked = typed("shipping.dispatched", &order, json!({"trackingNumber": "T1"}));
        world.type_in("shipping-events", &parked).await;
        world.dead_lettered(&order, "inventory").await;
        let number = world.deferred("inventory", &order).await[0]["number"].as_i64().expect("a number");
        let mut db = world.database("inventory").await;
        sqlx::query("INSERT INTO reservations (order_id, state) VALUES ($1, 'reserved')")
            .bind(&order)
            .execute(&mut db)
            .await
            .expect("the row is mended");
        for step in ["handler.written", "redrive.committed"] {
            world.replica("inventory", "armed", &[("SAGA_CRASH_AT", step)]).await;
            let url = world.system.find("armed").expect("it was started").admin;
            let answer = world.operator.post(&format!("{url}/admin/deferred/{number}/redrive"), &json!({}), &[]).await;
            assert!(answer.is_err(), "{step}: the replica ends before it answers: {answer:?}");
            let running = world.system.find("armed").expect("it was started");
            running.process.wait_exit(SOON).await.expect("it ended");
            world.system.kill("armed").expect("it is gone");
        }
        world
            .until("the redriven event is not deferred any more", || async {
                let deferred = world.deferred("inventory", &order).await;
                if deferred.is_empty() { Ok(()) } else { Err(format!("{deferred:?}")) }
            })
            .await;
        let state: String = sqlx::query_scalar("SELECT state FROM reservations WHERE order_id = $1")
            .bind(&order)
            .fetch_one(&mut db)
            .await
            .expect("the row is there");
        assert_eq!(state, "shipped");
    });
}

#[test]
fn services_killed_in_the_middle_leave_money_and_stock_in_balance() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 200).await;
        let mut orders = Vec::new();
        for (number, service) in world.system.services().into_iter().cycle().take(8).enumerate() {
            for city in ["Vienna", "Nowhere", "Vienna", "Vienna"] {
                let token = if number % 3 == 0 { "tok_flaky" } else { "tok_visa" };
                orders.push(world.place(&[(&chair, 1)], token, city).await);
            }
            world.system.kill(service).expect("it dies");
            world.replica(service, service, &[]).await;
        }
        for order in &orders {
            world
                .until(&format!("order {order} ended"), || async {
                    let status = world.status(order).await;
                    if status == "completed" || status == "cancelled" { Ok(()) } else { Err(status) }
                })
                .await;
        }
        for order in &orders {
            let completed = world.status(order).await == "completed";
            let money = world.money(order).await;
            assert_eq!(money.captured - money.refunded, if completed { 4_900 } else { 0 }, "{order}");
        }
        world
            .until("nothing is set aside any more", || async {
                let pieces = world.pieces(&chair).await;
                let adds_up = pieces.available + pieces.shipped == 200 && pieces.reserved == 0;
                if adds_up { Ok(()) } else { Err(format!("{pieces:?}")) }
            })
            .await;
    });
}

//! External calls that get no answer: refused for ever, called off, still worked on, or the provider is away.

use futures::future::join_all;
use harness::{Money, Pieces, World, story, story_alone};
use serde_json::{Value, json};

const UNDONE: [&str; 5] =
    ["order.placed", "inventory.reserved", "payment.failed", "inventory.released", "order.cancelled"];

/// The open charge of an order, once the provider has refused it.
async fn refused_charge(world: &World, order: &str) -> Value {
    world
        .until("the charge is refused as a wrong request", || async {
            let url = format!("{}/admin/calls", world.system.admin_url("payment"));
            let body = world.operator.get(&url).await.map_err(|error| error.to_string())?.body;
            let calls = body["calls"].as_array().cloned().unwrap_or_default();
            let refused = |call: &Value| call["lastError"].as_str().is_some_and(|error| error.contains("422"));
            let found = calls.into_iter().find(|call| call["aggregateId"] == order && refused(call));
            found.ok_or_else(|| body.to_string())
        })
        .await
}

#[test]
fn a_charge_that_the_provider_refuses_for_ever_is_settled_by_hand() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 2)], "tok_unacceptable", "Vienna").await;
        let call = refused_charge(world, &order).await;
        let path = format!("calls/{}/settle", call["id"].as_str().unwrap_or_default());
        let found = json!({"outcome": "not-done", "reason": "they say that they never take this token"});
        let settled = world.admin("payment", &path, &found).await;
        assert_eq!((settled.status, settled.body["outcome"].as_str()), (200, Some("applied")), "{settled:?}");
        world.eventually(&order, "cancelled").await;
        assert_eq!(world.log.path_of(&order), UNDONE);
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
        assert_eq!(world.money(&order).await, Money { captured: 0, refunded: 0 });
        assert_eq!(world.admin("payment", &path, &found).await.status, 404);
    });
}

#[test]
fn a_charge_without_an_answer_is_cancelled_by_its_key_once_the_order_is_called_off() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 2)], "tok_unacceptable", "Vienna").await;
        refused_charge(world, &order).await;
        assert_eq!(world.cancel(&order).await.status, 202);
        // No operator has to settle anything: the key can never charge, so the provider says no.
        world.eventually(&order, "cancelled").await;
        let failed = world.appears(&order, "payment.failed").await;
        assert!(failed.json()["payload"]["reason"].as_str().is_some_and(|reason| reason.contains("cancelled")));
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
        assert_eq!(world.money(&order).await, Money { captured: 0, refunded: 0 });
    });
}

#[test]
fn a_provider_that_is_still_at_work_is_asked_again_and_charges_once() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 1)], "tok_at_work", "Vienna").await;
        world.eventually(&order, "completed").await;
        assert_eq!(world.money(&order).await, Money { captured: 4_900, refunded: 0 });
        let metrics = world.shop.text(&format!("{}/metrics", world.system.admin_url("payment"))).await;
        let metrics = metrics.expect("payment answers");
        let counted = metrics.lines().any(|line| line.starts_with("saga_calls_total") && line.contains("in-progress"));
        assert!(counted, "{metrics}");
    });
}

#[test]
fn after_an_outage_of_the_provider_every_order_is_completed() {
    const ORDERS: usize = 300;
    story_alone(|world| async {
        let chair = world.stocked("chair", 1_000).await;
        world.system.sandbox().process.freeze().expect("the provider stands still");
        let items = [(chair.as_str(), 1)];
        let orders = join_all((0..ORDERS).map(|_| world.place(&items, "tok_visa", "Vienna"))).await;
        for order in &orders {
            world.appears(order, "inventory.reserved").await;
        }
        world.system.sandbox().process.thaw().expect("the provider goes on");
        for order in &orders {
            world.eventually(order, "completed").await;
            assert_eq!(world.money(order).await, Money { captured: 4_900, refunded: 0 });
        }
    });
}

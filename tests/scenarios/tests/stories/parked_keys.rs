//! A valid event that the rules refuse is parked; its key waits behind it, in order, until an operator decides.

use harness::{Typed, World, story, typed};
use serde_json::json;
use uuid::Uuid;

fn dispatched(order: &str) -> Typed {
    typed("shipping.dispatched", order, json!({"trackingNumber": "T1"}))
}

fn placed(order: &str, sku: &str) -> Typed {
    let items = json!([{"sku": sku, "quantity": 1, "price": 100}]);
    typed("order.placed", order, json!({"userId": "ada", "totalAmount": 100, "currency": "EUR", "items": items}))
}

/// `shipping.dispatched` where nothing is set aside cannot happen, so inventory parks it.
async fn parked(world: &World, order: &str) -> (Typed, i64) {
    let event = dispatched(order);
    world.type_in("shipping-events", &event).await;
    let dead = world.dead_lettered(order, "inventory").await;
    assert_eq!(dead.payload, Some(event.bytes()));
    assert_eq!(dead.header("dead-letter-error-class"), Some("refused"));
    let deferred = world.deferred("inventory", order).await;
    assert_eq!(deferred.len(), 1, "{deferred:?}");
    (event, deferred[0]["number"].as_i64().expect("a number"))
}

async fn waits_behind(world: &World, order: &str, events: usize) {
    world
        .until("the next event waits behind the parked one", || async {
            let deferred = world.deferred("inventory", order).await;
            let queued = deferred.iter().filter(|deferred| deferred["status"] == "queued").count();
            if queued == events { Ok(()) } else { Err(format!("{deferred:?}")) }
        })
        .await;
}

#[test]
fn later_events_wait_behind_a_parked_one_until_it_is_discarded() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = Uuid::now_v7().to_string();
        let (_, number) = parked(world, &order).await;
        world.type_in("order-events", &placed(&order, &chair)).await;
        waits_behind(world, &order, 1).await;
        assert!(world.events(&order, "inventory.reserved").is_empty());

        let path = format!("deferred/{number}/discard");
        assert_eq!(world.admin("inventory", &path, &json!({"reason": " "})).await.status, 422);
        assert_eq!(world.admin("inventory", &path, &json!({"reason": "sent by mistake"})).await.status, 200);
        world.appears(&order, "inventory.reserved").await;
        assert_eq!(world.admin("inventory", &path, &json!({"reason": "again"})).await.status, 404);
    });
}

#[test]
fn a_redriven_event_is_refused_again_or_has_its_one_effect() {
    story(|world| async {
        let order = Uuid::now_v7().to_string();
        let (event, number) = parked(world, &order).await;
        let path = format!("deferred/{number}/redrive");
        assert_eq!(world.admin("inventory", &path, &json!({})).await.status, 409);

        // An operator mends what was wrong, then redrives.
        let mut db = world.database("inventory").await;
        sqlx::query("INSERT INTO reservations (order_id, state) VALUES ($1, 'reserved')")
            .bind(&order)
            .execute(&mut db)
            .await
            .expect("the row is mended");
        let answer = world.admin("inventory", &path, &json!({})).await;
        assert_eq!((answer.status, answer.body["outcome"].as_str()), (200, Some("applied")));
        let state: String = sqlx::query_scalar("SELECT state FROM reservations WHERE order_id = $1")
            .bind(&order)
            .fetch_one(&mut db)
            .await
            .expect("the row is there");
        assert_eq!(state, "shipped");
        assert_eq!(world.effects("inventory", event.id()).await, 1);
        assert_eq!(world.admin("inventory", &path, &json!({})).await.status, 404);
        assert_eq!(world.dead_letters(&order, "inventory").len(), 1);
    });
}

#[test]
fn a_compensation_overtakes_a_parked_event() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = Uuid::now_v7().to_string();
        let (_, number) = parked(world, &order).await;
        world.type_in("order-events", &placed(&order, &chair)).await;
        waits_behind(world, &order, 1).await;
        world.type_in("payment-events", &typed("payment.failed", &order, json!({"reason": "declined"}))).await;
        world.appears(&order, "inventory.released").await;
        // What waited meets the tombstone.
        let path = format!("deferred/{number}/discard");
        assert_eq!(world.admin("inventory", &path, &json!({"reason": "mistake"})).await.status, 200);
        world
            .until("nothing is deferred any more", || async {
                let deferred = world.deferred("inventory", &order).await;
                if deferred.is_empty() { Ok(()) } else { Err(format!("{deferred:?}")) }
            })
            .await;
        assert!(world.events(&order, "inventory.reserved").is_empty());
        assert_eq!(world.pieces(&chair).await.available, 5);
    });
}

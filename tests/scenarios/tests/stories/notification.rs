//! A fifth service beside the four: each order's customer is told once how it ended.

use harness::{Typed, World, story_alone, typed};
use local::shop;
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use crate::crashes::{armed, crashed_and_replaced};

const NOTIFICATION: &str = "notification";

/// Places an order of one chair for a customer of this name; the sandbox's mail service knows some of them.
async fn place_for(world: &World, user: &str, chair: &str, token: &str) -> String {
    let mut body = shop::order(&[(chair, 1)], token, "Vienna");
    body["userId"] = json!(user);
    let answer = world.post_order(&world.system.url("order"), &body, &[]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body["orderId"].as_str().expect("an order id").to_owned()
}

/// Waits until notification's row of an order has this state and nothing is left to call for.
async fn notice_is(world: &World, order: &str, state: &str) {
    world
        .until(&format!("the notice of {order} is {state}"), || async {
            let mut db = world.database(NOTIFICATION).await;
            let row = sqlx::query(
                "SELECT coalesce((SELECT state FROM notices WHERE order_id = $1), 'absent') AS state,
                        (SELECT count(*) FROM intents WHERE aggregate_id = $1) AS open",
            )
            .bind(order)
            .fetch_one(&mut db)
            .await
            .expect("the notices can be read");
            let (seen, open): (String, i64) = (row.get("state"), row.get("open"));
            if seen == state && open == 0 { Ok(()) } else { Err(format!("{seen}, {open} calls open")) }
        })
        .await;
}

/// What the customer of an order was sent, by the mail service's own ledger.
async fn messages(world: &World, order: &str) -> Vec<Value> {
    let url = format!("{}/v1/ledger/{order}", world.system.sandbox().url);
    let body = world.shop.get(&url).await.expect("the sandbox answers").body;
    body["messages"].as_array().cloned().expect("the ledger lists messages")
}

async fn is_told_once(world: &World, order: &str, how: &str) {
    notice_is(world, order, "told").await;
    let messages = messages(world, order).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["status"], "sent", "{messages:?}");
    assert!(messages[0]["text"].as_str().is_some_and(|text| text.contains(how)), "{messages:?}");
}

/// Waits until notification handled or deferred an event that was typed in.
async fn had_its_effect(world: &World, event: &Typed) {
    world
        .until("notification took the event", || async {
            let effects = world.effects(NOTIFICATION, event.id()).await;
            if effects == 1 { Ok(()) } else { Err(format!("{effects} effects")) }
        })
        .await;
}

#[test]
fn each_end_of_an_order_tells_its_customer_once() {
    story_alone(|world| async {
        world.system.add(NOTIFICATION).await.expect("notification comes up");
        let chair = world.stocked("chair", 5).await;
        let completed = place_for(world, "ada", &chair, "tok_visa").await;
        let cancelled = place_for(world, "usr_flaky", &chair, "tok_declined").await;
        let unknown = place_for(world, "usr_unknown", &chair, "tok_visa").await;
        world.eventually(&completed, "completed").await;
        world.eventually(&cancelled, "cancelled").await;
        is_told_once(world, &completed, "is on its way").await;
        is_told_once(world, &cancelled, "was cancelled").await;
        notice_is(world, &unknown, "failed").await;
        assert_eq!(messages(world, &unknown).await[0]["status"], "refused");

        // The same event again; and its like under an id of its own, behind which the repeat has been passed.
        for record in world.events(&completed, "order.completed") {
            world.producer.send_again(&record).await.expect("Kafka takes it");
        }
        let again = typed("order.completed", &completed, json!({}));
        world.type_in("order-events", &again).await;
        had_its_effect(world, &again).await;
        is_told_once(world, &completed, "is on its way").await;

        // An order has one end: another kind alerts and tells no customer.
        let other = typed("order.cancelled", &completed, json!({"reason": "by mistake"}));
        world.type_in("order-events", &other).await;
        let dead = world.dead_lettered(&completed, "notification").await;
        assert_eq!(dead.header("dead-letter-error-class"), Some("refused"));
        is_told_once(world, &completed, "is on its way").await;
        world.system.stop("notification").await.expect("it drains");
    });
}

#[test]
fn an_end_without_its_order_is_parked_and_told_once_the_order_is_known() {
    story_alone(|world| async {
        world.system.add(NOTIFICATION).await.expect("notification comes up");
        let order = Uuid::now_v7().to_string();
        world.type_in("order-events", &typed("order.cancelled", &order, json!({"reason": "out of stock"}))).await;
        let dead = world.dead_lettered(&order, "notification").await;
        assert_eq!(dead.header("dead-letter-error-class"), Some("refused"));

        let items = json!([{"sku": "never-stocked", "quantity": 1, "price": 100}]);
        let payload = json!({"userId": "ada", "totalAmount": 100, "currency": "EUR", "items": items});
        world.type_in("order-events", &typed("order.placed", &order, payload)).await;
        notice_is(world, &order, "known").await;
        let number = world.deferred(NOTIFICATION, &order).await[0]["number"].as_i64().expect("a number");
        let answer = world.admin(NOTIFICATION, &format!("deferred/{number}/redrive"), &json!({})).await;
        assert_eq!((answer.status, answer.body["outcome"].as_str()), (200, Some("applied")));
        is_told_once(world, &order, "out of stock").await;
        world.system.stop("notification").await.expect("it drains");
    });
}

#[test]
fn a_crash_at_any_step_sends_no_message_twice() {
    story_alone(|world| async {
        world.system.add(NOTIFICATION).await.expect("notification comes up");
        let chair = world.stocked("chair", 5).await;
        let shipping = world.system.find("shipping").expect("shipping runs").process;

        // While the end is taken: before its transaction is committed, and after that, before its offset is.
        for step in ["handler.written", "intake.committed"] {
            shipping.freeze().expect("shipping stands still");
            let order = place_for(world, "ada", &chair, "tok_visa").await;
            notice_is(world, &order, "known").await;
            armed(world, NOTIFICATION, step, &["armed"]).await;
            shipping.thaw().expect("shipping goes on");
            crashed_and_replaced(world, NOTIFICATION, &["armed"]).await;
            world.eventually(&order, "completed").await;
            is_told_once(world, &order, "is on its way").await;
        }

        // While the mail service, which has sent the message, does not answer; then while its answer is taken.
        let order = place_for(world, "usr_silent", &chair, "tok_visa").await;
        world
            .until("the message is sent", || async {
                let messages = messages(world, &order).await;
                if messages.len() == 1 { Ok(()) } else { Err(format!("{messages:?}")) }
            })
            .await;
        world.system.kill("notification").expect("it dies");
        armed(world, NOTIFICATION, "handler.written", &["armed"]).await;
        crashed_and_replaced(world, NOTIFICATION, &["armed"]).await;
        is_told_once(world, &order, "is on its way").await;
        world.system.stop("notification").await.expect("it drains");
    });
}

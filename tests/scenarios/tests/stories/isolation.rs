//! An event that ends the process whenever it is handled: after a few restarts it stands aside, and others go on.

use std::time::Duration;

use harness::{World, story_alone, typed};
use serde_json::json;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);
const RESTARTS: usize = 12;

/// Starts inventory again and again, as a supervisor does, until it has dead-lettered something under the key. It ends
/// at this step of handling what has the key.
async fn restarted_until_dead_lettered(world: &World, step: &str, key: &str) -> usize {
    let step = format!("{step}:{key}");
    for restart in 0..RESTARTS {
        let running = world.system.spawn("inventory", "armed", &[("SAGA_CRASH_AT", &step)]).expect("it starts");
        let dead = tokio::select! {
            _ = running.process.wait_exit(SOON) => false,
            _ = world.dead_lettered(key, "inventory") => true,
        };
        if dead {
            return restart;
        }
        let log = running.process.log_tail(20);
        assert!(log.contains("ending here"), "it ended for another reason:\n{log}");
        world.system.kill("armed").expect("it is gone");
    }
    panic!("after {RESTARTS} restarts the event still ends the process");
}

#[test]
fn an_event_that_ends_the_process_is_parked_after_a_few_restarts_and_keeps_nobody() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 20).await;
        world.system.stop("inventory").await.expect("it drains");
        let culprit = Uuid::now_v7().to_string();
        let mut others = vec![world.place(&[(&chair, 1)], "tok_visa", "Vienna").await];
        let items = json!([{"sku": chair, "quantity": 1, "price": 4900}]);
        let body = json!({"userId": "ada", "totalAmount": 4900, "currency": "EUR", "items": items});
        let event = typed("order.placed", &culprit, body);
        world.type_in("order-events", &event).await;
        for _ in 0..3 {
            others.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
        }

        let restarts = restarted_until_dead_lettered(world, "rules", &culprit).await;
        assert!(restarts > 1, "an event is not blamed for one crash");
        let dead = &world.dead_letters(&culprit, "inventory")[0];
        assert_eq!(dead.payload, Some(event.bytes()));
        assert_eq!(dead.header("dead-letter-error-class"), Some("crash"));
        for order in &others {
            world.eventually(order, "completed").await;
        }
        world.system.kill("armed").expect("it is gone");
        world.replica("inventory", "inventory", &[]).await;
        // The cause is mended: the event has its one effect after all.
        let number = world.held("inventory", &culprit).await[0]["number"].as_i64().expect("a number");
        let answer = world.admin("inventory", &format!("held/{number}/redrive"), &json!({})).await;
        assert_eq!((answer.status, answer.body["outcome"].as_str()), (200, Some("applied")));
        world.appears(&culprit, "inventory.reserved").await;
    });
}

#[test]
fn a_message_that_ends_the_process_at_decoding_is_dead_lettered_and_keeps_nobody() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 20).await;
        world.system.stop("inventory").await.expect("it drains");
        let culprit = Uuid::now_v7().to_string();
        let event = typed("order.placed", &culprit, json!({"anything": "at all"}));
        world.type_in("order-events", &event).await;
        let mut others = Vec::new();
        for _ in 0..3 {
            others.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
        }
        restarted_until_dead_lettered(world, "decode", &culprit).await;
        let dead = &world.dead_letters(&culprit, "inventory")[0];
        assert_eq!(dead.payload, Some(event.bytes()));
        assert_eq!(dead.header("dead-letter-error-class"), Some("crash"));
        for order in &others {
            world.eventually(order, "completed").await;
        }
        world.system.kill("armed").expect("it is gone");
        world.replica("inventory", "inventory", &[]).await;
    });
}

//! An input that ends the process whenever it is handled: after a few restarts it stands aside, and others go on.

use std::{future::Future, time::Duration};

use harness::{World, story_alone, typed};
use serde_json::json;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);
const RESTARTS: usize = 12;

/// Starts a service again and again, as a supervisor does, until this has happened. It ends at this step of handling what has the
/// key.
async fn restarted_until<F: Future>(
    world: &World,
    service: &str,
    (step, key): (&str, &str),
    happened: impl Fn() -> F,
) -> usize {
    let step = format!("{step}:{key}");
    for restart in 0..RESTARTS {
        let running = world.system.spawn(service, "armed", &[("SAGA_CRASH_AT", &step)]).expect("it starts");
        let has_happened = tokio::select! {
            _ = running.process.wait_exit(SOON) => false,
            _ = happened() => true,
        };
        if has_happened {
            return restart;
        }
        let log = running.process.log_tail(20);
        assert!(log.contains("ending here"), "it ended for another reason:\n{log}");
        world.system.kill("armed").expect("it is gone");
    }
    panic!("after {RESTARTS} restarts {step} still ends the process");
}

/// Waits until a service says, in the key's row of this table, that its process ended over it.
async fn set_aside(world: &World, service: &str, table: &str, key: &str) {
    world
        .until(&format!("{key} is set aside"), || async {
            let mut db = world.database(service).await;
            let query = sqlx::AssertSqlSafe(format!("SELECT last_error FROM {table} WHERE aggregate_id = $1"));
            let rows = sqlx::query_scalar(query).bind(key).fetch_all(&mut db).await;
            let errors: Vec<Option<String>> = rows.expect("the table can be read");
            let is_set_aside = errors.iter().flatten().any(|error| error.contains("the process ended"));
            if is_set_aside { Ok(()) } else { Err(format!("{errors:?}")) }
        })
        .await;
}

async fn mended(world: &World, service: &str) {
    world.system.kill("armed").expect("it is gone");
    world.replica(service, service, &[]).await;
}

#[test]
fn an_event_that_ends_the_process_is_parked_after_a_few_restarts_and_delays_no_other() {
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

        let restarts =
            restarted_until(world, "inventory", ("rules", &culprit), || world.dead_lettered(&culprit, "inventory"))
                .await;
        assert!(restarts > 1, "an event is not blamed for one crash");
        let dead = &world.dead_letters(&culprit, "inventory")[0];
        assert_eq!(dead.payload, Some(event.bytes()));
        assert_eq!(dead.header("dead-letter-error-class"), Some("crash"));
        for order in &others {
            world.eventually(order, "completed").await;
        }
        mended(world, "inventory").await;
        // The cause is mended: the event has its one effect after all.
        let number = world.deferred("inventory", &culprit).await[0]["number"].as_i64().expect("a number");
        let answer = world.admin("inventory", &format!("deferred/{number}/redrive"), &json!({})).await;
        assert_eq!((answer.status, answer.body["outcome"].as_str()), (200, Some("applied")));
        world.appears(&culprit, "inventory.reserved").await;
    });
}

#[test]
fn a_message_that_ends_the_process_at_decoding_is_dead_lettered_and_delays_no_other() {
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
        restarted_until(world, "inventory", ("decode", &culprit), || world.dead_lettered(&culprit, "inventory")).await;
        let dead = &world.dead_letters(&culprit, "inventory")[0];
        assert_eq!(dead.payload, Some(event.bytes()));
        assert_eq!(dead.header("dead-letter-error-class"), Some("crash"));
        for order in &others {
            world.eventually(order, "completed").await;
        }
        mended(world, "inventory").await;
    });
}

#[test]
fn a_deadline_that_ends_the_process_keeps_no_other_and_is_taken_by_a_build_that_survives_it() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        let payment = world.system.find("payment").expect("payment runs");
        payment.process.freeze().expect("payment stands still");
        let impatient = world.replica("order", "order-impatient", &[("ORDER_DEADLINE", "5s")]).await;
        let culprit = world.place_at(&impatient, &[(&chair, 1)], "tok_visa", "Vienna").await;
        let other = world.place_at(&impatient, &[(&chair, 1)], "tok_visa", "Vienna").await;
        for replica in ["order", "order-impatient"] {
            world.system.kill(replica).expect("the replica dies");
        }
        let set_aside = || set_aside(world, "order", "deadlines", &culprit);
        let restarts = restarted_until(world, "order", ("deadline", &culprit), set_aside).await;
        assert!(restarts > 1, "a deadline is not blamed for one crash");
        world.appears(&other, "order.cancellation_requested").await;
        payment.process.thaw().expect("payment goes on");
        world.appears(&other, "order.cancelled").await;
        assert!(world.events(&culprit, "order.cancellation_requested").is_empty(), "it stands aside");
        mended(world, "order").await;
    });
}

#[test]
fn an_answer_that_ends_the_process_keeps_no_other_and_is_taken_by_a_build_that_survives_it() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        world.system.stop("payment").await.expect("it drains");
        let culprit = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
        let other = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
        let set_aside = || set_aside(world, "payment", "intents", &culprit);
        let restarts = restarted_until(world, "payment", ("answer", &culprit), set_aside).await;
        assert!(restarts > 1, "an answer is not blamed for one crash");
        world.eventually(&other, "completed").await;
        mended(world, "payment").await;
        world.eventually(&culprit, "completed").await;
        let money = world.money(&culprit).await;
        assert_eq!((money.captured, money.refunded), (4_900, 0), "however often the provider was asked");
    });
}

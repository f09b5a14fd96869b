//! Declared = observed: what stands on the topics and in the traces is what the services describe.

use std::process::{Command, Output};

use harness::{World, story_of_all, typed};
use local::binaries;
use serde_json::{Value, json};

const DESCRIPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/choreography");
const PROGRAM: &str = "choreography-check";
/// Which takes a race to bring about: a cancellation that comes between the capture and the carrier.
const NEVER_ON_TOPICS: [&str; 2] = [
    "unseen-reaction at payment: inventory.reserved → payment.refunded",
    "unseen-reaction at payment: shipping.cancelled → payment.refunded",
];

/// How the program ended, what it printed, and what it complained of.
fn check(world: &World, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let program = binaries::sibling(PROGRAM).expect("it is built");
    let kafka = format!("kafka://{}", world.system.broker.connection().brokers());
    let given = [DESCRIPTIONS, "--json", "--observed", &kafka];
    let Output { status, stdout, stderr } =
        Command::new(program).args(given).args(arguments).output().expect("it runs");
    let report = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code(), report, String::from_utf8_lossy(&stderr).into_owned())
}

fn named(findings: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |of: &Value| {
        format!("{} at {}: {}", text(&of["kind"]), text(&of["where"]["service"]), text(&of["where"]["at"]))
    };
    findings.as_array().into_iter().flatten().map(name).collect()
}

/// Each way to an end that needs no race.
async fn orders_of_every_outcome(world: &World) {
    let chair = world.stocked("chair", 20).await;
    let lamp = world.stocked("lamp", 1).await;
    for (sku, pieces, token, city, end) in [
        (&chair, 2, "tok_visa", "Vienna", "completed"),
        (&lamp, 2, "tok_visa", "Vienna", "cancelled"),
        (&chair, 1, "tok_declined", "Vienna", "cancelled"),
        (&chair, 1, "tok_visa", "Nowhere", "cancelled"),
    ] {
        let order = world.place(&[(sku, pieces)], token, city).await;
        world.eventually(&order, end).await;
    }
    // Nothing is reserved meanwhile, so payment hears of the cancellation first.
    let impatient = world.replica("order", "order-impatient", &[("ORDER_DEADLINE", "1s")]).await;
    let inventory = world.system.find("inventory").expect("inventory runs");
    inventory.process.freeze().expect("inventory stands still");
    let cancelled = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
    assert_eq!(world.cancel(&cancelled).await.status, 202);
    let late = world.place_at(&impatient, &[(&chair, 1)], "tok_visa", "Vienna").await;
    for order in [&cancelled, &late] {
        world.appears(order, "payment.voided").await;
    }
    inventory.process.thaw().expect("inventory goes on");
    for order in [&cancelled, &late] {
        world.eventually(order, "cancelled").await;
    }
}

#[test]
fn what_happens_is_what_is_declared_and_what_is_not_is_named() {
    story_of_all(|world| async move {
        binaries::build(&["local", PROGRAM]).await.expect("it builds");
        orders_of_every_outcome(&world).await;
        on_topics(&world).await;
        in_traces(&world).await;
        something_that_nobody_declares(&world).await;
        nothing_that_could_be_compared(&world);
    });
}

async fn on_topics(world: &World) {
    let (code, report, said) = check(world, &["--since", "1h"]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{report:#}");
    assert_eq!(named(&report["undeclared"]), [""; 0], "{report:#}");
    assert_eq!(named(&report["unexercised"]), NEVER_ON_TOPICS);
    let (code, ..) = check(world, &["--require-exercised"]);
    assert_eq!(code, Some(1), "what was never exercised counts if that is asked for");
}

/// Spans come some seconds after what they are about.
async fn in_traces(world: &World) {
    let jaeger = world.jaeger();
    world
        .until("the traces show all that was handled, and nothing else", || async {
            let (code, report, said) = check(world, &["--observed", &jaeger]);
            assert_eq!(named(&report["undeclared"]), [""; 0], "{report:#}");
            let missing = named(&report["unexercised"]);
            let is_open =
                |found: &&String| found.starts_with("unseen-handling") || found.starts_with("unseen-deadline");
            if code == Some(0) && !missing.iter().any(|found| is_open(&found)) {
                Ok(())
            } else {
                Err(format!("{code:?} {said} {missing:?}"))
            }
        })
        .await;
}

/// As an operator types it into a console producer.
async fn something_that_nobody_declares(world: &World) {
    let chair = world.stocked("chair", 1).await;
    let order = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
    world.eventually(&order, "completed").await;
    world.type_in("order-events", &typed("order.renamed", &order, json!({}))).await;
    world
        .until("order.renamed is named", || async {
            let (code, report, said) = check(world, &[]);
            let found = named(&report["undeclared"]);
            if code == Some(1) && found == ["undeclared-event at order: order.renamed"] {
                Ok(())
            } else {
                Err(format!("{code:?} {said} {found:?}"))
            }
        })
        .await;
}

fn nothing_that_could_be_compared(world: &World) {
    let (code, _, said) = check(world, &["--since", "2020-01-01T00:00:00Z", "--until", "2020-01-02T00:00:00Z"]);
    assert_eq!(code, Some(2));
    let empty = "have no message from 2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z: choose an earlier --since\n";
    assert!(said.starts_with("inventory-events, order-events, ") && said.ends_with(empty), "{said}");
}

//! What is told of a saga in logs, spans, metrics and errors: enough to find it, and nothing that is private.

use std::collections::BTreeSet;

use harness::{World, story_alone, typed};
use serde_json::{Value, json};
use uuid::Uuid;

/// Words that stand only where personal data and secrets stand.
const CANARIES: [&str; 6] =
    ["Nightingale-Canary", "7 Canary Wharf", "CN-4711", "usr_canary", "tok_canary", "canary@example.org"];

fn order_of_a_canary(sku: &str, token: &str, city: &str) -> Value {
    let mut order = local::shop::order(&[(sku, 1)], token, city);
    order["userId"] = json!("usr_canary");
    let address = &mut order["shippingAddress"];
    (address["name"], address["line1"], address["postalCode"]) =
        (json!("Nightingale-Canary"), json!("7 Canary Wharf"), json!("CN-4711"));
    order
}

fn log_of(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.system.logs().join(format!("{name}.log"))).unwrap_or_default()
}

#[test]
fn a_parked_event_is_one_json_line_with_all_ids() {
    story_alone(|world| async {
        world.system.stop("inventory").await.expect("it drains");
        world.replica("inventory", "inventory-json", &[("LOG_FORMAT", "json")]).await;
        let order = Uuid::now_v7().to_string();
        let event = typed("shipping.dispatched", &order, json!({"trackingNumber": "T1"}));
        world.type_in("shipping-events", &event).await;
        world.dead_lettered(&order, "inventory").await;
        let line: Value = world
            .until("a line about the parked event", || async {
                let log = log_of(world, "inventory-json");
                let found = log.lines().find(|line| line.contains(&order)).map(str::to_owned);
                found.and_then(|line| serde_json::from_str(&line).ok()).ok_or(log)
            })
            .await;
        for (field, value) in [
            ("correlation_id", order.as_str()),
            ("aggregate_id", order.as_str()),
            ("event_type", "shipping.dispatched"),
            ("outcome", "parked"),
            ("level", "ERROR"),
        ] {
            assert_eq!(line[field], value, "{line}");
        }
        assert!(line["trace_id"].is_string(), "{line}");
        for line in log_of(world, "inventory-json").lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        }
        world.system.stop("inventory-json").await.expect("it drains");
        world.replica("inventory", "inventory", &[]).await;
    });
}

#[test]
fn personal_data_and_secrets_are_in_no_log_span_or_metric() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 50).await;
        for (token, city) in
            [("tok_visa", "Vienna"), ("tok_declined", "Vienna"), ("tok_flaky", "Vienna"), ("tok_visa", "Nowhere")]
        {
            let body = order_of_a_canary(&chair, token, city);
            let answer = world.post_order(&world.system.url("order"), &body, &[]).await;
            let order = answer.body["orderId"].as_str().expect("an order id").to_owned();
            let ends = if token == "tok_declined" || city == "Nowhere" { "cancelled" } else { "completed" };
            world.eventually(&order, ends).await;
        }
        refused_everywhere(world, &chair).await;
        let trace_ids = traced(world).await;
        assert!(!trace_ids.is_empty(), "the traces were looked at");

        for entry in std::fs::read_dir(world.system.logs()).expect("logs").flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            has_no_canary(&entry.path().display().to_string(), &text);
            assert!(!text.contains("local-only"), "{} tells a password", entry.path().display());
        }
        for (name, running) in world.system.running() {
            let metrics = world.shop.text(&format!("{}/metrics", running.admin)).await.expect("metrics");
            has_no_canary(&name, &metrics);
        }
    });
}

/// Canaries where they do not belong: in fields of the wrong type, in a wrong request, in bytes that are no event.
async fn refused_everywhere(world: &World, chair: &str) {
    let order = Uuid::now_v7().to_string();
    let items = json!([{"sku": chair, "quantity": "Nightingale-Canary", "price": 100}]);
    let payload = json!({"userId": "usr_canary", "totalAmount": 100, "currency": "EUR", "items": items});
    world.type_in("order-events", &typed("order.placed", &order, payload)).await;
    world.dead_lettered(&order, "inventory").await;
    let mut wrong = order_of_a_canary(chair, "tok_visa", "Vienna");
    wrong["currency"] = json!("tok_canary canary@example.org");
    let answer = world.post_order(&world.system.url("order"), &wrong, &[]).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let key = Uuid::now_v7().to_string();
    world.producer.send("payment-events", &key, b"Nightingale-Canary 7 Canary Wharf", &[]).await.expect("sent");
    world.dead_lettered(&key, "inventory").await;
}

/// The traces that Jaeger has of every service, none of which tells a canary.
async fn traced(world: &World) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let jaeger = world.jaeger();
    for service in world.system.services() {
        let url = format!("{jaeger}/api/traces?service={service}&limit=1500&lookback=1h");
        let text = world.shop.text(&url).await.expect("Jaeger answers");
        has_no_canary(&format!("spans of {service}"), &text);
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let traces = body["data"].as_array().cloned().unwrap_or_default();
        ids.extend(traces.iter().filter_map(|trace| Some(trace["traceID"].as_str()?.to_owned())));
    }
    ids
}

fn has_no_canary(place: &str, text: &str) {
    for canary in CANARIES {
        if let Some(at) = text.find(canary) {
            let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
            let end = text[at..].find('\n').map_or(text.len(), |length| at + length).min(line + 600);
            panic!("{place} tells {canary}: {}", &text[line..end.max(at)]);
        }
    }
}

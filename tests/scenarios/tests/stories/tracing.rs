//! One saga, one trace: read back through the API of a real Jaeger.

use std::collections::{BTreeMap, BTreeSet};

use harness::{World, story, story_alone};
use serde_json::Value;

/// A span as Jaeger tells it.
struct Span {
    id: String,
    service: String,
    name: String,
    parent: Option<String>,
    began: i64,
    tags: BTreeMap<String, Value>,
}

/// A trace with at least one span of each of these names, once it rests: nothing new came between two looks.
async fn trace(world: &World, trace_id: &str, wanted: &[(&str, &str)]) -> Vec<Span> {
    let url = format!("{}/api/traces/{trace_id}", world.jaeger());
    let seen = std::cell::Cell::new(0);
    world
        .until(&format!("trace {trace_id} with {wanted:?}"), || async {
            let body = world.shop.get(&url).await.map_err(|error| error.to_string())?.body;
            let spans = spans(&body);
            let names: BTreeSet<(&str, &str)> =
                spans.iter().map(|span| (span.service.as_str(), span.name.as_str())).collect();
            let rests = seen.replace(spans.len()) == spans.len();
            let parents = spans.iter().filter(|span| parent_of(&spans, span).is_none()).count();
            if wanted.iter().all(|name| names.contains(name)) && rests && parents == 1 {
                Ok(spans)
            } else {
                Err(format!("{} spans, {parents} without a parent: {names:?}", spans.len()))
            }
        })
        .await
}

fn spans(body: &Value) -> Vec<Span> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let trace = &body["data"][0];
    let span = |span: &Value| Span {
        id: text(&span["spanID"]),
        service: text(&trace["processes"][text(&span["processID"])]["serviceName"]),
        name: text(&span["operationName"]),
        parent: list(&span["references"])
            .iter()
            .find(|reference| reference["refType"] == "CHILD_OF")
            .map(|reference| text(&reference["spanID"])),
        began: span["startTime"].as_i64().unwrap_or_default(),
        tags: list(&span["tags"]).iter().map(|tag| (text(&tag["key"]), tag["value"].clone())).collect(),
    };
    list(&trace["spans"]).iter().map(span).collect()
}

fn parent_of<'a>(spans: &'a [Span], child: &Span) -> Option<&'a Span> {
    spans.iter().find(|span| Some(&span.id) == child.parent.as_ref())
}

/// No orphan, all four services, and nothing begins before what led to it.
fn is_one_story(spans: &[Span]) {
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent.is_none()).collect();
    assert_eq!(roots.len(), 1, "one root");
    assert_eq!((roots[0].service.as_str(), roots[0].name.as_str()), ("order", "POST /orders"));
    let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["order", "inventory", "payment", "shipping"]));
    for child in spans.iter().filter(|span| span.parent.is_some()) {
        let parent =
            parent_of(spans, child).unwrap_or_else(|| panic!("{} of {} is an orphan", child.name, child.service));
        assert!(parent.began <= child.began, "{} began before {}", child.name, parent.name);
    }
}

async fn placed(world: &World, sku: &str, city: &str) -> (String, String) {
    let body = local::shop::order(&[(sku, 1)], "tok_visa", city);
    let answer = world.post_order(&world.system.url("order"), &body, &[]).await;
    let order = answer.body["orderId"].as_str().expect("an order id").to_owned();
    (order, answer.trace_id.expect("an answer carries the trace's id"))
}

#[test]
fn a_completed_saga_is_one_trace_across_all_services() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let (order, trace_id) = placed(world, &chair, "Vienna").await;
        world.eventually(&order, "completed").await;
        let wanted = [
            ("order", "POST /orders"),
            ("order", "command"),
            ("order", "create order-events"),
            ("inventory", "process order-events"),
            ("inventory", "create inventory-events"),
            ("payment", "process inventory-events"),
            ("payment", "call charge"),
            ("payment", "answer charge"),
            ("shipping", "process payment-events"),
            ("shipping", "call ship"),
            ("shipping", "answer ship"),
            ("order", "process shipping-events"),
            ("inventory", "process shipping-events"),
        ];
        let spans = trace(world, &trace_id, &wanted).await;
        is_one_story(&spans);
        for span in &spans {
            assert_eq!(span.tags["saga.correlation_id"], order.as_str(), "{}", span.name);
        }
        for span in spans.iter().filter(|span| span.name.starts_with("process ")) {
            assert_eq!(span.tags["span.kind"], "consumer");
            assert_eq!(span.tags["messaging.system"], "kafka");
            assert_eq!(span.tags["saga.outcome"], "applied");
        }
    });
}

#[test]
fn a_compensated_saga_is_one_trace_and_its_compensations_are_marked() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let (order, trace_id) = placed(world, &chair, "Nowhere").await;
        world.eventually(&order, "cancelled").await;
        let wanted = [
            ("shipping", "answer ship"),
            ("payment", "process shipping-events"),
            ("payment", "call refund"),
            ("payment", "answer refund"),
            ("inventory", "process payment-events"),
            ("order", "process inventory-events"),
        ];
        let spans = trace(world, &trace_id, &wanted).await;
        is_one_story(&spans);
        let compensations: BTreeSet<&str> = spans
            .iter()
            .filter(|span| span.tags.get("saga.compensation") == Some(&Value::Bool(true)))
            .filter_map(|span| span.tags.get("saga.event_type")?.as_str())
            .collect();
        assert!(compensations.contains("payment.refunded"), "{compensations:?}");
        assert!(compensations.contains("shipping.failed"), "{compensations:?}");
    });
}

#[test]
fn a_saga_whose_service_was_killed_is_still_one_trace() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        let payment = world.system.find("payment").expect("payment runs");
        payment.process.freeze().expect("it stands still");
        let (order, trace_id) = placed(world, &chair, "Vienna").await;
        world.appears(&order, "inventory.reserved").await;
        world.system.kill("payment").expect("it dies");
        world.replica("payment", "payment", &[]).await;
        world.eventually(&order, "completed").await;
        let wanted = [("payment", "answer charge"), ("shipping", "answer ship"), ("order", "process shipping-events")];
        is_one_story(&trace(world, &trace_id, &wanted).await);
        for record in world.log.find(|record| record.is_keyed(&order)) {
            let traceparent = record.header("traceparent").unwrap_or_default();
            assert!(traceparent.contains(&trace_id), "{}: {traceparent}", record.event_type());
        }
    });
}

use serde_json::json;

use super::*;

fn tags(tags: &[(&str, &str)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "type": "string", "value": value })).collect()
}

fn span(id: &str, parent: &str, name: &str, process: &str, of: &[(&str, &str)]) -> Value {
    json!({
        "traceID": "t1", "spanID": id, "operationName": name, "startTime": 1_000, "duration": 5, "processID": process,
        "references": [{ "refType": "CHILD_OF", "traceID": "t1", "spanID": parent }], "tags": tags(of),
    })
}

fn trace(spans: &[Value]) -> Trace {
    let processes = json!({ "p1": { "serviceName": "payment" }, "p2": { "serviceName": "order" } });
    serde_json::from_value(json!({ "traceID": "t1", "spans": spans, "processes": processes })).unwrap()
}

/// As the engine has them: an event is taken in, a call is made, its answer leads to an event.
fn charged() -> Vec<Value> {
    let saga = ("saga.correlation_id", "o");
    let process = [
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "inventory-events"),
        ("messaging.consumer.group.name", "payment"),
        ("saga.event_type", "inventory.reserved"),
        ("saga.outcome", "applied"),
    ];
    let create = [("messaging.operation.type", "create"), ("saga.event_type", "payment.succeeded")];
    vec![
        span("a", "-", "process inventory-events", "p1", &process),
        span("b", "a", "call charge", "p1", &[saga]),
        span("c", "b", "answer charge", "p1", &[saga, ("saga.outcome", "applied")]),
        span("d", "c", "create payment-events", "p1", &create),
    ]
}

fn told(trace: &Trace, service: &str) -> Vec<String> {
    facts(trace, service, &(0..2_000)).into_iter().map(|fact| format!("{}: {:?}", fact.service, fact.deed)).collect()
}

#[test]
fn a_trace_says_who_took_what_in_and_what_it_led_to() {
    let expected = [
        r#"payment: Handled { topic: "inventory-events", event: Some("inventory.reserved") }"#,
        r#"payment: Reacted { on: "inventory.reserved", effect: Some("call charge") }"#,
        r#"payment: Reacted { on: "answer charge", effect: Some("payment.succeeded") }"#,
    ];
    let trace = trace(&charged());
    assert_eq!(told(&trace, "payment"), expected);
    assert_eq!(facts(&trace, "payment", &(0..2_000))[0].place, "in trace t1");
    assert!(facts(&trace, "payment", &(0..1_000)).is_empty(), "it began later");
    assert!(told(&trace, "order").is_empty());
}

#[test]
fn an_input_without_children_led_to_nothing_and_one_that_was_refused_says_nothing() {
    let saga = ("saga.correlation_id", "o");
    let outcome = |outcome| trace(&[span("a", "-", "deadline order", "p2", &[saga, ("saga.outcome", outcome)])]);
    assert_eq!(told(&outcome("applied"), "order"), [r#"order: Reacted { on: "deadline order", effect: None }"#]);
    assert!(told(&outcome("refused"), "order").is_empty());
    let undone = [saga, ("saga.outcome", "applied"), ("error.type", "rolled-back")];
    assert!(told(&trace(&[span("a", "-", "deadline order", "p2", &undone)]), "order").is_empty());
    let parked = trace(&[span(
        "a",
        "-",
        "process t",
        "p2",
        &[("messaging.operation.name", "process"), ("messaging.destination.name", "t"), ("saga.outcome", "parked")],
    )]);
    assert_eq!(told(&parked, "order"), [r#"order: Handled { topic: "t", event: None }"#]);
}

#[test]
fn spans_of_other_programs_that_only_look_alike_are_passed_over() {
    let applied = ("saga.outcome", "applied");
    let others = [
        span("a", "-", "command", "p2", &[applied]),
        span("b", "a", "call home", "p2", &[]),
        span("c", "a", "GET /orders", "p2", &[("saga.correlation_id", "o"), applied]),
    ];
    assert!(told(&trace(&others), "order").is_empty());
}

#[test]
fn what_jaeger_answers_is_read() {
    let none: Traces = serde_json::from_value(json!({ "data": null, "total": 0, "errors": null })).unwrap();
    assert!(none.data.is_none());
    let one = json!({ "data": [{ "traceID": "t1", "spans": charged(), "processes": {}, "warnings": null }] });
    let one: Traces = serde_json::from_value(one).unwrap();
    assert!(told(&one.data.unwrap()[0], "payment").is_empty(), "a span without its process is nobody's");
}

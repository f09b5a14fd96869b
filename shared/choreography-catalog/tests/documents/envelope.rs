//! The schemas of the envelope and of the headers say what the engine does.

use std::collections::BTreeSet;

use choreography_core::{effects::NewEvent, envelope::Envelope, outbox, trace::TraceContext};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{RELEASE, json, shop};

/// A schema as the documents have it.
fn schema(name: &str) -> Value {
    let documents = choreography_catalog::asyncapi::documents(&shop(), RELEASE).unwrap();
    json(&documents["inventory.json"])["components"]["schemas"][name].clone()
}

/// A message as the engine writes it.
fn written() -> choreography_core::store::OutboxMessage {
    let event = NewEvent {
        topic: "loans",
        event_type: "loan.granted",
        version: 1,
        aggregate_id: "l-7".into(),
        payload: r#"{"amount":5}"#.into(),
    };
    let trace = TraceContext {
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        tracestate: Some("a=b".into()),
    };
    let lineage = outbox::Lineage {
        source: "loan",
        correlation_id: "s-1",
        causation_id: Some(Uuid::from_u128(8)),
        trace: &trace,
    };
    let now = "2026-01-31T12:00:00Z".parse().unwrap();
    outbox::message(event, Uuid::from_u128(7), now, &lineage, 10_000).unwrap()
}

fn names(schema: &Value) -> BTreeSet<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_envelope_has_the_fields_that_the_engine_writes() {
    let message: Value = serde_json::from_slice(&written().payload.unwrap()).unwrap();
    let schema = schema("Envelope");
    assert_eq!(names(&schema), message.as_object().unwrap().keys().map(String::as_str).collect());
}

#[test]
fn the_envelope_refuses_what_the_engine_refuses() {
    let message: Value = serde_json::from_slice(&written().payload.unwrap()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema("Envelope")).unwrap();
    let mut tried = vec![message.clone()];
    for field in message.as_object().unwrap().keys() {
        let mut without = message.clone();
        without.as_object_mut().unwrap().remove(field);
        tried.push(without);
        let odd =
            [json!(null), json!(0), json!(-1), json!(4_294_967_296_u64), json!(true), json!([]), json!({}), json!("")];
        let texts =
            ["x".repeat(200), "x".repeat(201), "a\u{7}".into(), Uuid::from_u128(1).to_string(), "yesterday".into()];
        let texts = texts.into_iter().chain(["2026-01-31T12:00:00.5+02:00".into()]).map(Value::from);
        for value in odd.into_iter().chain(texts) {
            let mut other = message.clone();
            other[field] = value;
            tried.push(other);
        }
    }
    let mut refused = 0;
    for message in tried {
        let by_the_engine = Envelope::parse(None, Some(message.to_string().as_bytes())).err();
        assert_eq!(validator.is_valid(&message), by_the_engine.is_none(), "{message}: {by_the_engine:?}");
        refused += usize::from(by_the_engine.is_some());
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn the_headers_are_those_that_the_engine_writes() {
    let schema = schema("Headers");
    let mut headers = json!({});
    for header in &written().headers {
        headers[header.text_name().into_owned()] = String::from_utf8(header.value.clone().unwrap()).unwrap().into();
    }
    assert_eq!(names(&schema), headers.as_object().unwrap().keys().map(String::as_str).collect());
    assert!(
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap().is_valid(&headers),
        "{headers}"
    );
}

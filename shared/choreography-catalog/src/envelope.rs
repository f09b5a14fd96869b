//! The envelope and the headers of every event, as schemas. A test holds them against an engine.

use serde_json::{Value, json};

use crate::EventVersion;

/// The JSON Schema of the envelope.
pub(crate) const ENVELOPE: &str = include_str!("../envelope.schema.json");
/// The JSON Schema of the headers.
pub(crate) const HEADERS: &str = include_str!("../headers.schema.json");

/// The aggregate of examples, and their saga.
const EXAMPLE_AGGREGATE: &str = "01990000-0000-7000-8000-000000000001";

/// One of the two schemas, read.
pub(crate) fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("it is part of this crate, and tests read it")
}

/// An event as it is on the wire, with this payload.
pub(crate) fn example(event: &EventVersion, source: &str, payload: &Value) -> Value {
    json!({
        "id": "01990000-0000-7000-8000-00000000000a",
        "type": event.event,
        "version": event.version,
        "timestamp": "2026-01-31T12:00:00Z",
        "correlationId": EXAMPLE_AGGREGATE,
        "aggregateId": EXAMPLE_AGGREGATE,
        "payload": payload,
        "causationId": "01990000-0000-7000-8000-000000000009",
        "source": source,
    })
}

/// What stands in the headers beside [`example`]; trace headers are left out.
pub(crate) fn example_headers(event: &EventVersion) -> Value {
    json!({
        "correlation-id": EXAMPLE_AGGREGATE,
        "event-type": event.event,
        "event-version": event.version.to_string(),
        "content-type": "application/json",
    })
}

/// The schema of a whole message whose payload has the schema `payload`, where `envelope` is that of any message.
pub(crate) fn around(event: &EventVersion, envelope: &Value, payload: &Value) -> Value {
    json!({
        "allOf": [
            envelope,
            {
                "type": "object",
                "properties": {
                    "type": { "const": event.event },
                    "version": { "const": event.version },
                    "payload": payload,
                },
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validity;

    #[test]
    fn the_example_keeps_the_schemas() {
        let event = EventVersion::new("loan.granted", 1);
        let message = example(&event, "loan", &json!({ "amount": 5 }));
        let whole = around(&event, &schema(ENVELOPE), &json!({ "required": ["amount"] }));
        assert_eq!(validity::problem(&whole, &message), None);
        assert_eq!(validity::problem(&schema(HEADERS), &example_headers(&event)), None);
        let other = EventVersion::new("loan.refused", 1);
        assert!(validity::problem(&whole, &example(&other, "loan", &json!({ "amount": 5 }))).is_some());
    }
}

//! Messages as a person types them into a console producer.

use serde_json::{Value, json};
use uuid::Uuid;

/// An event typed by hand: a right body, no headers.
pub struct Typed {
    pub key: String,
    pub body: Value,
}

/// An event of `event_type` about `order` with a fresh id.
pub fn typed(event_type: &str, order: &str, mut payload: Value) -> Typed {
    payload["orderId"] = json!(order);
    let body = json!({
        "id": Uuid::now_v7(),
        "type": event_type,
        "version": 1,
        "timestamp": "2026-01-01T00:00:00Z",
        "correlationId": order,
        "aggregateId": order,
        "payload": payload,
    });
    Typed { key: order.to_owned(), body }
}

impl Typed {
    pub fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.body.to_string().into_bytes()
    }
}

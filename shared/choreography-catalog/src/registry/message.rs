//! The schema of a whole message: of the envelope with an event's own payload inside, which is what stands on the wire.

use serde_json::{Map, Value};

use crate::{
    EventVersion,
    envelope::{self, ENVELOPE},
};

/// Where schemas keep what they refer to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The schema of a message, in one piece: what the payload's schema refers to stands at its root, where the references find it.
/// Fields are sorted, so that the same schema is the same text. Or why the payload's schema can't stand alone.
pub(super) fn message(event: &EventVersion, payload: &Value) -> Result<Value, String> {
    let mut payload: Map<String, Value> = payload.as_object().cloned().ok_or("it is no JSON object")?;
    let mut message = envelope::schema(ENVELOPE);
    // In the new place its own name would lead the references astray.
    payload.remove("$id");
    for keyword in DEFINITIONS.into_iter().chain(["$schema"]) {
        if let Some(value) = payload.remove(keyword) {
            message[keyword] = value;
        }
    }
    // The record's name, by which clients of a registry derive the subject.
    message["title"] = event.event.clone().into();
    if let Some(description) = payload.get("description") {
        message["description"] = description.clone();
    }
    message["properties"]["type"]["const"] = event.event.clone().into();
    message["properties"]["version"]["const"] = event.version.into();
    message["properties"]["payload"] = payload.into();
    message.sort_all_objects();
    match leads_nowhere(&message, &message) {
        None => Ok(message),
        Some(reference) => Err(format!(
            "{reference} is not among its own definitions: bring what it refers to into its $defs, and refer to #/$defs/NAME"
        )),
    }
}

/// A reference in `json` that leads to no definition of `root`.
fn leads_nowhere<'a>(json: &'a Value, root: &Value) -> Option<&'a Value> {
    match json {
        Value::Object(fields) => {
            let own = fields.get("$ref").filter(|reference| reference.is_string() && !is_defined(reference, root));
            own.or_else(|| fields.values().find_map(|value| leads_nowhere(value, root)))
        }
        Value::Array(values) => values.iter().find_map(|value| leads_nowhere(value, root)),
        _ => None,
    }
}

fn is_defined(reference: &Value, root: &Value) -> bool {
    let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap_or_default();
    let is_own = DEFINITIONS.iter().any(|keyword| pointer.starts_with(&format!("/{keyword}/")));
    is_own && root.pointer(pointer).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validity;

    fn granted() -> EventVersion {
        EventVersion::new("loan.granted", 2)
    }

    #[test]
    fn a_message_keeps_it_and_another_type_version_or_payload_does_not() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://lender/loan",
            "title": "loan.granted, version 2", "description": "A loan was granted.", "type": "object",
            "required": ["item"], "properties": { "item": { "$ref": "#/$defs/Item" } },
            "$defs": { "Item": { "type": "object", "required": ["sku"] } },
        });
        let whole = message(&granted(), &schema).unwrap();
        assert_eq!((&whole["title"], &whole["description"]), (&"loan.granted".into(), &"A loan was granted.".into()));
        assert_eq!(whole["$schema"], schema["$schema"]);
        let sent = |event: &EventVersion, payload: &Value| {
            validity::problem(&whole, &envelope::example(event, "lender", payload))
        };
        let payload = json!({ "item": { "sku": "chair" } });
        assert_eq!(sent(&granted(), &payload), None);
        assert!(sent(&granted(), &json!({ "item": {} })).is_some());
        assert!(sent(&EventVersion::new("loan.granted", 1), &payload).is_some());
        assert!(sent(&EventVersion::new("loan.refused", 2), &payload).is_some());
    }

    #[test]
    fn a_schema_that_refers_to_something_else_is_refused() {
        for reference in ["other.json#/$defs/Item", "#/$defs/Lost", "#", "#/properties/item"] {
            let said = message(&granted(), &json!({ "properties": { "item": { "$ref": reference } } })).unwrap_err();
            assert!(said.starts_with(&format!("{reference:?} is not among")), "{said}");
        }
        let older =
            json!({ "items": [{ "$ref": "#/definitions/A" }], "definitions": { "A": { "$ref": "#/definitions/A" } } });
        assert!(message(&granted(), &older).is_ok());
        let field = json!({ "properties": { "$ref": { "type": "string" } } });
        assert!(message(&granted(), &field).is_ok(), "a field may be called so");
    }
}

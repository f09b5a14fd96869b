//! The first opinion: whether the canonical form of what is read contains that of what is written.

use jsonschema::canonical::{self, Containment};
use serde_json::{Map, Value, json};

/// Why it is not proved that each payload that is written can be read; `None` if it is. Both schemas are resolved.
pub(super) fn doubt(written: &Value, read: &Value) -> Option<String> {
    let canonical = |schema: &Value| canonical::options().should_validate_formats(true).offline().canonicalize(schema);
    let answer = canonical(read).and_then(|read| read.covers(&canonical(&closed(written))?));
    match answer {
        Ok(Containment::Yes) => None,
        Ok(Containment::No) => Some("by their canonical forms a payload can be written that is not read".into()),
        Ok(Containment::Unknown) => Some("their canonical forms do not say whether each payload can be read".into()),
        Err(error) => Some(format!("they have no canonical forms that can be compared: {error}")),
    }
}

/// The schema of a writer who writes the fields that it names, and no others: a new field of a reader is not one that an old
/// writer wrote as something else.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(keywords) => {
            let mut closed: Map<String, Value> = keywords
                .iter()
                .map(|(name, value)| match name.as_str() {
                    "const" | "enum" => (name.clone(), value.clone()),
                    "properties" => (name.clone(), each(value)),
                    _ => (name.clone(), self::closed(value)),
                })
                .collect();
            if closed.contains_key("properties") && !closed.contains_key("additionalProperties") {
                closed.insert("additionalProperties".into(), json!(false));
            }
            Value::Object(closed)
        }
        Value::Array(schemas) => Value::Array(schemas.iter().map(closed).collect()),
        value => value.clone(),
    }
}

fn each(properties: &Value) -> Value {
    let Some(properties) = properties.as_object() else { return properties.clone() };
    Value::Object(properties.iter().map(|(name, schema)| (name.clone(), closed(schema))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_proved_is_without_doubt() {
        let written = json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 1 } } });
        let read = json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "string" } } });
        assert_eq!(doubt(&written, &read), None, "a field that was never written");
        assert!(doubt(&read, &written).is_some_and(|doubt| doubt.contains("can be written that is not read")));
        assert!(doubt(&json!({ "type": 3 }), &read).is_some(), "what is no schema");
    }

    #[test]
    fn a_field_may_be_called_like_a_keyword() {
        let written = json!({ "type": "object", "properties": { "properties": { "type": "string" }, "enum": { "type": "string" } } });
        assert_eq!(closed(&written)["additionalProperties"], false);
        assert_eq!(closed(&written)["properties"], written["properties"]);
        assert_eq!(doubt(&written, &written), None);
    }
}

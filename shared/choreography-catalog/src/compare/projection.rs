//! A schema without what a reader does not read.

use std::collections::BTreeMap;

use choreography_check::{FieldType, JsonType};
use serde_json::{Map, Value, json};

type Fields = BTreeMap<String, FieldType>;

/// The part of a resolved schema that concerns a reader of the fields at these paths (`items[].sku`).
pub(super) fn projection(schema: &Value, fields: &Fields) -> Value {
    part(schema, "", fields)
}

fn part(schema: &Value, path: &str, fields: &Fields) -> Value {
    let Some(keywords) = schema.as_object() else { return schema.clone() };
    let mut kept = Map::new();
    for (name, value) in keywords {
        let value = match (name.as_str(), value) {
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => {
                Value::Array(all.iter().map(|one| part(one, path, fields)).collect())
            }
            ("items", items) => part(items, &format!("{path}[]"), fields),
            (_, value) => value.clone(),
        };
        kept.insert(name.clone(), value);
    }
    if keywords.contains_key("properties") || keywords.get("type") == Some(&"object".into()) {
        object(&mut kept, path, fields);
    }
    Value::Object(kept)
}

/// Leaves of an object what is read. An object of which no field is named is read as a whole.
fn object(keywords: &mut Map<String, Value>, path: &str, fields: &Fields) {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    if !path.is_empty() && !fields.keys().any(|field| field.starts_with(&prefix)) {
        return;
    }
    let declared = keywords.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let required = keywords.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut properties, mut needed) = (Map::new(), Vec::new());
    for (name, field) in fields.iter().filter_map(|(at, field)| Some((name(at, &prefix)?, field))) {
        let of_reader = || json!({ "type": word(field.of) });
        let schema =
            declared.get(name).map_or_else(of_reader, |schema| part(schema, &format!("{prefix}{name}"), fields));
        properties.insert(name.to_owned(), schema);
        if !field.optional {
            needed.push(Value::from(name));
        }
    }
    // What is named only by what stands in it.
    for (name, schema) in &declared {
        let path = format!("{prefix}{name}");
        let below = |field: &String| field.starts_with(&format!("{path}.")) || field.starts_with(&format!("{path}[]"));
        if !properties.contains_key(name) && fields.keys().any(below) {
            properties.insert(name.clone(), part(schema, &path, fields));
            needed.extend(required.iter().filter(|needed| *needed == name).cloned());
        }
    }
    keywords.insert("properties".into(), Value::Object(properties));
    keywords.insert("required".into(), Value::Array(needed));
}

/// The name of a field that stands directly below.
fn name<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|name| !name.contains('.') && !name.ends_with("[]"))
}

fn word(of: JsonType) -> &'static str {
    match of {
        JsonType::String => "string",
        JsonType::Integer => "integer",
        JsonType::Number => "number",
        JsonType::Boolean => "boolean",
        JsonType::Object => "object",
        JsonType::List => "array",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(all: &[(&str, JsonType, bool)]) -> Fields {
        all.iter()
            .map(|(path, of, optional)| ((*path).to_owned(), FieldType { of: *of, optional: *optional }))
            .collect()
    }

    #[test]
    fn what_is_not_read_is_left_out_at_each_depth() {
        let schema = json!({
            "type": "object",
            "required": ["id", "by", "items"],
            "properties": {
                "id": { "type": "string" },
                "by": { "type": "string" },
                "items": { "type": "array", "items": {
                    "type": "object", "required": ["sku", "price"],
                    "properties": { "sku": { "type": "string" }, "price": { "type": "integer" } },
                } },
                "to": { "anyOf": [{ "type": "object", "properties": { "zip": {}, "city": {} } }, { "type": "null" }] },
            },
        });
        let read = fields(&[
            ("id", JsonType::String, true),
            ("items[].sku", JsonType::String, false),
            ("to", JsonType::Object, true),
            ("to.zip", JsonType::String, true),
            ("later", JsonType::Integer, false),
        ]);
        let expected = json!({
            "type": "object",
            "required": ["later", "items"],
            "properties": {
                "id": { "type": "string" },
                "later": { "type": "integer" },
                "items": { "type": "array", "items": {
                    "type": "object", "required": ["sku"], "properties": { "sku": { "type": "string" } },
                } },
                "to": { "anyOf": [{ "type": "object", "required": [], "properties": { "zip": {} } }, { "type": "null" }] },
            },
        });
        assert_eq!(projection(&schema, &read), expected);
    }

    #[test]
    fn an_object_of_which_no_field_is_named_is_read_as_a_whole() {
        let schema =
            json!({ "properties": { "to": { "type": "object", "properties": { "zip": {} }, "required": ["zip"] } } });
        let read = projection(&schema, &fields(&[("to", JsonType::Object, false)]));
        assert_eq!(read["properties"]["to"], schema["properties"]["to"]);
    }
}

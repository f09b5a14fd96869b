//! The fields of a payload, by path, from its JSON Schema.

use serde_json::{Map, Value};

/// Objects within objects, at most: a schema may refer to itself.
const DEEPEST: usize = 8;

/// Each field by its path (`items[].sku`), with its type, and a `?` where it may be left out. `None`: the schema says nothing of fields.
pub(super) fn of(schema: &str) -> Option<Map<String, Value>> {
    let root: Value = serde_json::from_str(schema).ok()?;
    let mut found = Map::new();
    object(&root, &root, "", DEEPEST, &mut found);
    (!found.is_empty()).then_some(found)
}

fn object(root: &Value, schema: &Value, prefix: &str, deeper: usize, found: &mut Map<String, Value>) {
    let Some(properties) = schema["properties"].as_object().filter(|_| deeper > 0) else { return };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, property) in properties {
        let (path, (property, is_nullable)) = (format!("{prefix}{name}"), resolved(root, property));
        let optional = if is_nullable || !required(name) { "?" } else { "" };
        let kind = kind(property);
        found.insert(path.clone(), format!("{kind}{optional}").into());
        match kind {
            "object" => object(root, property, &format!("{path}."), deeper - 1, found),
            "list" => {
                let (items, _) = resolved(root, &property["items"]);
                object(root, items, &format!("{path}[]."), deeper - 1, found);
            }
            _ => {}
        }
    }
}

/// The schema itself behind references and behind "this or null"; whether it may be null.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> (&'a Value, bool) {
    if let Some(all) = schema["anyOf"].as_array() {
        let is_null = |one: &&Value| one["type"] == "null";
        let other = all.iter().find(|one| !is_null(one)).unwrap_or(schema);
        return (resolved(root, other).0, all.iter().any(|one| is_null(&one)));
    }
    let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    let target = reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema);
    let is_nullable = target["type"].as_array().is_some_and(|types| types.iter().any(|one| one == "null"));
    (target, is_nullable)
}

fn kind(schema: &Value) -> &str {
    let of = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|one| *one != "null"),
        one => one.as_str(),
    };
    match of {
        Some("array") => "list",
        Some(of) => of,
        // An enumeration of words has no type of its own where each word is a `const`.
        None => "string",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_by_their_paths_with_their_types() {
        let schema = json!({
            "type": "object",
            "required": ["id", "items", "total"],
            "properties": {
                "id": { "type": "string", "format": "uuid" },
                "total": { "type": "integer" },
                "note": { "type": ["string", "null"] },
                "paid": { "type": "boolean" },
                "items": { "type": "array", "items": { "$ref": "#/$defs/Item" } },
                "address": { "anyOf": [{ "$ref": "#/$defs/Address" }, { "type": "null" }] },
                "reason": { "oneOf": [{ "const": "client" }, { "const": "deadline" }] },
            },
            "$defs": {
                "Item": { "type": "object", "required": ["sku"], "properties": { "sku": { "type": "string" } } },
                "Address": { "type": "object", "properties": { "city": { "type": "string" } } },
            },
        });
        let expected = json!({
            "id": "string", "total": "integer", "note": "string?", "paid": "boolean?", "items": "list",
            "items[].sku": "string", "address": "object?", "address.city": "string?", "reason": "string?",
        });
        assert_eq!(of(&schema.to_string()).map(Value::Object), Some(expected));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({ "properties": { "next": { "$ref": "#" } }, "required": ["next"], "type": "object" });
        assert_eq!(of(&schema.to_string()).unwrap().len(), DEEPEST);
    }

    #[test]
    fn what_says_nothing_of_fields_has_none() {
        assert_eq!((of("{}"), of("true"), of("no JSON")), (None, None, None));
    }
}

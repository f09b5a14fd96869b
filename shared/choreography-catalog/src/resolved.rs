//! A schema with its references replaced by what they lead to, and without what asserts nothing (titles, descriptions): so that
//! two schemas can be compared, whatever their definitions are called.

use serde_json::{Map, Value};

/// A reference in a reference in …: deeper than any payload. What is deeper refers to itself.
const DEEPEST: usize = 32;

/// What asserts nothing.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];
/// Keywords whose value is an object of schemas.
const MAPS: &[&str] = &["properties", "patternProperties", "dependentSchemas"];

/// The schema of `root`, resolved; or why that can't be said.
pub(crate) fn resolved(root: &Value) -> Result<Value, String> {
    resolve(root, root, 0)
}

fn resolve(schema: &Value, root: &Value, depth: usize) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err("it refers to itself".into());
    }
    let Some(keywords) = schema.as_object() else { return Ok(schema.clone()) };
    let mut plain = Map::new();
    for (name, value) in keywords.iter().filter(|(name, _)| !ANNOTATIONS.contains(&name.as_str()) && *name != "$ref") {
        plain.insert(name.clone(), keyword(name, value, root, depth)?);
    }
    let Some(reference) = keywords.get("$ref") else { return Ok(Value::Object(plain)) };
    let unknown = || format!("{reference} leads nowhere in it");
    let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).ok_or_else(unknown)?;
    let target = resolve(root.pointer(pointer).ok_or_else(unknown)?, root, depth + 1)?;
    if plain.is_empty() {
        return Ok(target);
    }
    Ok(serde_json::json!({ "allOf": [target, plain] }))
}

fn keyword(name: &str, value: &Value, root: &Value, depth: usize) -> Result<Value, String> {
    match value {
        Value::Object(schemas) if MAPS.contains(&name) => {
            let each = schemas.iter().map(|(name, schema)| Ok((name.clone(), resolve(schema, root, depth + 1)?)));
            Ok(Value::Object(each.collect::<Result<_, String>>()?))
        }
        // Values, not schemas.
        _ if ["const", "enum"].contains(&name) => Ok(value.clone()),
        Value::Array(schemas) => {
            Ok(Value::Array(schemas.iter().map(|schema| resolve(schema, root, depth + 1)).collect::<Result<_, _>>()?))
        }
        schema => resolve(schema, root, depth + 1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_definitions_are_called_and_what_is_said_of_them_makes_no_difference() {
        let one = json!({
            "title": "One", "properties": { "title": { "$ref": "#/$defs/Name" } },
            "$defs": { "Name": { "type": "string", "description": "a name" } },
        });
        let other = json!({
            "properties": { "title": { "$ref": "#/$defs/Text" } }, "$defs": { "Text": { "type": "string" } },
        });
        assert_eq!(resolved(&one), resolved(&other));
        assert_eq!(resolved(&one), Ok(json!({ "properties": { "title": { "type": "string" } } })));
    }

    #[test]
    fn what_can_not_be_resolved_is_said() {
        let itself = json!({ "properties": { "next": { "$ref": "#" } } });
        assert_eq!(resolved(&itself), Err("it refers to itself".into()));
        let nowhere = json!({ "$ref": "#/$defs/Lost" });
        assert_eq!(resolved(&nowhere), Err("\"#/$defs/Lost\" leads nowhere in it".into()));
        let elsewhere = json!({ "$ref": "other.json" });
        assert!(resolved(&elsewhere).is_err());
    }

    #[test]
    fn what_stands_beside_a_reference_holds_too() {
        let beside = json!({ "$ref": "#/$defs/A", "maxLength": 3, "$defs": { "A": { "type": "string" } } });
        assert_eq!(resolved(&beside), Ok(json!({ "allOf": [{ "type": "string" }, { "maxLength": 3 }] })));
    }
}

//! Rules of Pact from a schema: what an event has to be like where the example stands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
const DATE_TIME: &str = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$";

/// The rules for what stands in an example, by their paths; `schema` is resolved.
pub(super) fn of(schema: &Value, example: &Value, path: &str) -> BTreeMap<String, Value> {
    let mut rules = BTreeMap::new();
    gather(schema, example, path, &mut rules);
    rules
}

fn gather(schema: &Value, example: &Value, path: &str, rules: &mut BTreeMap<String, Value>) {
    let schema = alternative(schema, example);
    if let Some(rule) = rule(schema, example) {
        rules.insert(path.to_owned(), json!({ "combine": "AND", "matchers": [rule] }));
    }
    match example {
        Value::Object(fields) => {
            for (name, value) in fields {
                gather(&schema["properties"][name], value, &step(path, name), rules);
            }
        }
        // One rule for all: the first one stands for the others.
        Value::Array(values) => {
            for value in values.iter().take(1) {
                gather(&schema["items"], value, &format!("{path}[*]"), rules);
            }
        }
        _ => {}
    }
}

/// A field's path. What is no plain name is quoted.
fn step(path: &str, name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { format!("{path}.{name}") } else { format!("{path}['{name}']") }
}

/// Of several alternatives that which has the example's type.
fn alternative<'a>(schema: &'a Value, example: &Value) -> &'a Value {
    let all = ["anyOf", "oneOf"].iter().find_map(|keyword| schema[keyword].as_array());
    let Some(all) = all.filter(|all| !all.iter().all(|one| one.get("const").is_some())) else { return schema };
    let kind = kind(example);
    all.iter().find(|one| one["type"] == kind).unwrap_or(schema)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn rule(schema: &Value, example: &Value) -> Option<Value> {
    let values = values(schema);
    if !values.is_empty() {
        let escaped: Vec<String> = values.iter().map(|value| escaped(value)).collect();
        return Some(regex(&format!("^({})$", escaped.join("|"))));
    }
    match example {
        Value::String(_) => Some(match (schema["format"].as_str(), schema["pattern"].as_str()) {
            (Some("uuid"), _) => regex(UUID),
            (Some("date-time"), _) => regex(DATE_TIME),
            (_, Some(pattern)) => regex(pattern),
            _ => json!({ "match": "type" }),
        }),
        Value::Number(_) => Some(json!({ "match": if schema["type"] == "number" { "number" } else { "integer" } })),
        Value::Bool(_) => Some(json!({ "match": "boolean" })),
        Value::Array(_) => {
            let mut rule = json!({ "match": "type" });
            for (name, keyword) in [("min", "minItems"), ("max", "maxItems")] {
                if let Some(bound) = schema.get(keyword) {
                    rule[name] = bound.clone();
                }
            }
            Some(rule)
        }
        Value::Null | Value::Object(_) => None,
    }
}

fn regex(pattern: &str) -> Value {
    json!({ "match": "regex", "regex": pattern })
}

/// The texts that a schema lists, if it lists texts alone.
fn values(schema: &Value) -> Vec<&str> {
    let listed: Vec<&Value> = if let Some(values) = schema["enum"].as_array() {
        values.iter().collect()
    } else if let Some(value) = schema.get("const") {
        vec![value]
    } else {
        let all = ["oneOf", "anyOf"].iter().find_map(|keyword| schema[keyword].as_array());
        all.into_iter().flatten().map(|one| &one["const"]).collect()
    };
    listed.into_iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default()
}

/// A text as a pattern that it alone matches.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| (!c.is_alphanumeric() && c != '_').then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(rules: &BTreeMap<String, Value>, path: &str) -> Value {
        rules[path]["matchers"][0].clone()
    }

    #[test]
    fn each_kind_of_field_has_its_rule() {
        let schema = json!({
            "properties": {
                "id": { "type": "string", "format": "uuid" },
                "code": { "type": "string", "pattern": "^[A-Z]{3}$" },
                "why": { "oneOf": [{ "const": "too.late" }, { "const": "other" }] },
                "amount": { "type": "integer", "minimum": 1 },
                "rate": { "type": "number" },
                "paid": { "type": "boolean" },
                "items": { "type": "array", "minItems": 1, "items": { "properties": { "sku": { "type": "string" } } } },
                "to": { "anyOf": [{ "type": "object", "properties": { "zip": { "pattern": "^1$" } } }, { "type": "null" }] },
            },
        });
        let example = json!({
            "id": "a", "code": "EUR", "why": "other", "amount": 3, "rate": 1, "paid": true,
            "items": [{ "sku": "s" }, { "sku": "t" }], "to": { "zip": "1" },
        });
        let rules = of(&schema, &example, "$.payload");
        assert_eq!(first(&rules, "$.payload.id"), regex(UUID));
        assert_eq!(first(&rules, "$.payload.code"), regex("^[A-Z]{3}$"));
        assert_eq!(first(&rules, "$.payload.why"), regex(r"^(too\.late|other)$"));
        assert_eq!(first(&rules, "$.payload.amount"), json!({ "match": "integer" }));
        assert_eq!(first(&rules, "$.payload.rate"), json!({ "match": "number" }));
        assert_eq!(first(&rules, "$.payload.paid"), json!({ "match": "boolean" }));
        assert_eq!(first(&rules, "$.payload.items"), json!({ "match": "type", "min": 1 }));
        assert_eq!(first(&rules, "$.payload.items[*].sku"), json!({ "match": "type" }));
        assert_eq!(first(&rules, "$.payload.to.zip"), regex("^1$"));
        assert_eq!(rules.len(), 9, "{rules:?}");
    }
}

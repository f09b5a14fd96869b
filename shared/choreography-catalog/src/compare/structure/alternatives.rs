//! What a schema lets a value be: one of several alternatives, each of one type or one value.

use serde_json::{Map, Value};

/// Keywords that are compared; of all others only equality is decided.
const KNOWN: &[&str] = &[
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// One of the things that a value may be.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    /// Its type.
    pub(super) kind: String,
    /// The one value that it is, if it is one.
    pub(super) value: Option<Value>,
    /// What else is said of it.
    pub(super) keywords: Map<String, Value>,
}

impl Alternative {
    /// Whether a reader's alternative is for values of the written type.
    pub(super) fn is_for(&self, written: &Self) -> bool {
        self.kind == written.kind || (self.kind == "number" && written.kind == "integer")
    }

    /// A number that a keyword says, such as a length.
    pub(super) fn count(&self, keyword: &str) -> Option<u64> {
        self.keywords.get(keyword).and_then(Value::as_u64)
    }
}

/// A keyword that is not compared.
pub(super) fn unknown(schema: &Value) -> Option<&str> {
    schema.as_object()?.keys().map(String::as_str).find(|name| !KNOWN.contains(name))
}

/// The alternatives of a schema. A reader's `oneOf` refuses what suits two of them, so these must exclude each other.
pub(super) fn alternatives(schema: &Value, of_reader: bool) -> Result<Vec<Alternative>, String> {
    let Some(keywords) = schema.as_object() else {
        return if schema == &Value::Bool(false) { Ok(Vec::new()) } else { Err("it is no schema".into()) };
    };
    for name in ["anyOf", "oneOf"] {
        let Some(branches) = keywords.get(name).and_then(Value::as_array) else { continue };
        if let Some(beside) = keywords.keys().find(|keyword| *keyword != name) {
            return Err(format!("{beside} stands beside {name}, and the two together are not decided"));
        }
        return branching(branches, name, of_reader);
    }
    let values = match (keywords.get("enum").and_then(Value::as_array), keywords.get("const")) {
        (Some(values), _) => Some(values.clone()),
        (None, value) => value.map(|value| vec![value.clone()]),
    };
    if let Some(values) = values {
        let of_value =
            |value: Value| Alternative { kind: kind(&value).into(), value: Some(value), keywords: keywords.clone() };
        return Ok(values.into_iter().map(of_value).collect());
    }
    let kinds: Vec<&str> = match keywords.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Err("no type is said, and what that means is not decided".into()),
    };
    Ok(kinds
        .into_iter()
        .map(|kind| Alternative { kind: kind.into(), value: None, keywords: keywords.clone() })
        .collect())
}

fn branching(branches: &[Value], name: &str, of_reader: bool) -> Result<Vec<Alternative>, String> {
    let mut all: Vec<Vec<Alternative>> = Vec::new();
    for branch in branches {
        if let Some(keyword) = unknown(branch) {
            return Err(format!("{keyword} changed, and it is not known what that means"));
        }
        all.push(alternatives(branch, of_reader)?);
    }
    if name == "oneOf" && of_reader {
        let pairs = all.iter().enumerate().flat_map(|(at, one)| all.iter().skip(at + 1).map(move |other| (one, other)));
        let mut meeting =
            pairs.flat_map(|(one, other)| one.iter().flat_map(move |one| other.iter().map(move |other| (one, other))));
        if meeting.any(|(one, other)| may_meet(one, other)) {
            return Err("a value may suit two branches of oneOf, and whether it does is not decided".into());
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// Whether a value may be both.
fn may_meet(one: &Alternative, other: &Alternative) -> bool {
    let kinds = one.is_for(other) || other.is_for(one);
    kinds && (one.value.is_none() || other.value.is_none() || one.value == other.value)
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

//! JSON Schemas of the payloads (draft 2020-12), from the types themselves. They say what a reader without Rust needs: fields, kinds,
//! lengths and ranges. What compares one field with another, or with a list of currencies, is left to `validate`.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::Value;

use crate::check::{MAX_REASON, MAX_REFERENCE, MAX_SEALED};

/// A text without control characters.
const PLAIN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// The schema of a payload, as one that writes it has to keep it.
pub(crate) fn of<T: JsonSchema>(event_type: &str, version: u32) -> Schema {
    let mut schema = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), Value::from(format!("{event_type}, version {version}")));
    schema
}

/// 1 to `MAX` characters without control characters.
pub(crate) fn text<const MAX: usize>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX, "pattern": PLAIN })
}

/// As [`text`], or null.
pub(crate) fn optional_text<const MAX: usize>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "minLength": 1, "maxLength": MAX, "pattern": PLAIN })
}

pub(crate) fn reason(generator: &mut SchemaGenerator) -> Schema {
    text::<MAX_REASON>(generator)
}

pub(crate) fn reference(generator: &mut SchemaGenerator) -> Schema {
    text::<MAX_REFERENCE>(generator)
}

/// A JWE in compact form, or null.
pub(crate) fn optional_sealed(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "minLength": 1, "maxLength": MAX_SEALED, "pattern": "^[A-Za-z0-9._-]*$" })
}

pub(crate) fn sku(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
}

//! The second opinion: two schemas compared keyword by keyword. What it does not know is not decided, unless both sides say the
//! same.

mod alternatives;
mod bounds;
mod objects;

use serde_json::Value;

use super::kind::Kind;
use crate::validity;
use alternatives::{Alternative, alternatives, unknown};

/// A place where something can be written that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) kind: Kind,
    /// The field, such as `items[].sku`; empty where the whole payload is meant.
    pub(super) field: String,
    pub(super) what: String,
}

impl Difference {
    /// One that is about the whole payload.
    pub(super) fn whole(kind: Kind, what: String) -> Self {
        Self::at("", kind, what)
    }

    fn at(field: &str, kind: Kind, what: String) -> Self {
        Self { kind, field: field.to_owned(), what }
    }
}

/// Where something can be written that is not read. Both schemas are resolved; what a writer does not name it does not write.
pub(super) fn differences(written: &Value, read: &Value) -> Vec<Difference> {
    at(written, read, "")
}

fn at(written: &Value, read: &Value, field: &str) -> Vec<Difference> {
    if written == read || is_anything(read) {
        return Vec::new();
    }
    let undecided = |why: String| vec![Difference::at(field, Kind::Undecided, why)];
    if is_anything(written) {
        return vec![Difference::at(field, Kind::TypeChanged, "anything may be written".into())];
    }
    if let Some(keyword) = unknown(written).or_else(|| unknown(read)) {
        return undecided(format!("{keyword} changed, and it is not known what that means"));
    }
    let (written, read) = match (alternatives(written, false), alternatives(read, true)) {
        (Ok(written), Ok(read)) => (written, read),
        (Err(why), _) | (_, Err(why)) => return undecided(why),
    };
    written.iter().flat_map(|alternative| nearest(alternative, &read, field)).collect()
}

fn is_anything(schema: &Value) -> bool {
    schema == &Value::Bool(true) || schema.as_object().is_some_and(serde_json::Map::is_empty)
}

/// How what is written differs from that alternative of a reader to which it is nearest.
fn nearest(written: &Alternative, read: &[Alternative], field: &str) -> Vec<Difference> {
    if let Some(value) = &written.value
        && read.iter().filter(|read| read.is_for(written)).all(|read| read.value.is_some())
    {
        return one_of_values(value, written, read, field);
    }
    let fitting = read.iter().filter(|read| read.is_for(written)).map(|read| covered(written, read, field));
    fitting.min_by_key(Vec::len).unwrap_or_else(|| vec![other_type(written, read, field)])
}

fn other_type(written: &Alternative, read: &[Alternative], field: &str) -> Difference {
    let mut kinds: Vec<&str> = read.iter().map(|read| read.kind.as_str()).collect();
    kinds.dedup();
    let kinds = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(" or ") };
    Difference::at(field, Kind::TypeChanged, format!("{} may be written, and {kinds} is read", written.kind))
}

/// A value, read by alternatives that list the values they know.
fn one_of_values(value: &Value, written: &Alternative, read: &[Alternative], field: &str) -> Vec<Difference> {
    if read.iter().any(|read| read.value.as_ref() == Some(value)) {
        return Vec::new();
    }
    if !read.iter().any(|read| read.is_for(written)) {
        return vec![other_type(written, read, field)];
    }
    vec![Difference::at(
        field,
        Kind::ValuesChanged,
        format!("{value} may be written, and is not among the values that are read"),
    )]
}

/// How what is written by one alternative differs from what is read by one.
fn covered(written: &Alternative, read: &Alternative, field: &str) -> Vec<Difference> {
    if let Some(value) = &written.value {
        let refused = validity::problem(&Value::Object(read.keywords.clone()), value);
        let what = |problem| format!("{value} may be written, and is refused: {problem}");
        return refused.map(|problem| Difference::at(field, Kind::ValuesChanged, what(problem))).into_iter().collect();
    }
    if read.value.is_some() {
        let what = format!("any {} may be written, and only listed values are read", written.kind);
        return vec![Difference::at(field, Kind::ValuesChanged, what)];
    }
    match written.kind.as_str() {
        "object" => objects::object(written, read, field),
        "array" => objects::list(written, read, field),
        "string" => {
            let lengths = bounds::lengths(written, read, ["minLength", "maxLength"], "characters");
            let mut found: Vec<Difference> =
                lengths.map(|what| Difference::at(field, Kind::LengthChanged, what)).collect();
            found.extend(same(written, read, "pattern", field, Kind::PatternChanged));
            found.extend(same(written, read, "format", field, Kind::PatternChanged));
            found
        }
        "integer" | "number" => {
            let ranges = bounds::ranges(written, read);
            let mut found: Vec<Difference> =
                ranges.map(|what| Difference::at(field, Kind::RangeChanged, what)).collect();
            found.extend(same(written, read, "multipleOf", field, Kind::RangeChanged));
            found
        }
        // Of true, false and null nothing more can be asked.
        _ => Vec::new(),
    }
}

/// A keyword of which only equality can be decided: a reader that asks for it must get the same.
fn same(written: &Alternative, read: &Alternative, keyword: &str, field: &str, kind: Kind) -> Option<Difference> {
    let (given, asked) = (written.keywords.get(keyword), read.keywords.get(keyword)?);
    if given == Some(asked) {
        return None;
    }
    let given = given.map_or_else(|| "any".to_owned(), Value::to_string);
    let what = format!(
        "its {keyword} is written as {given} and read as {asked}; whether all of it can be read is not decided"
    );
    Some(Difference::at(field, kind, what))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! Each kind of difference, and what is none.

use serde_json::json;

use super::{super::canonical, *};

fn kinds(written: &Value, read: &Value) -> Vec<(String, Kind)> {
    differences(written, read).into_iter().map(|of| (of.field, of.kind)).collect()
}

/// An object with the one field `a`.
fn with(schema: &Value) -> Value {
    json!({ "type": "object", "properties": { "a": schema }, "required": ["a"] })
}

/// That values of the first schema can be read by the second, and the other way round as said.
fn widens(narrow: Value, wide: Value, kind: Kind) {
    assert_eq!(kinds(&with(&narrow), &with(&wide)), [], "{narrow} → {wide}");
    assert_eq!(kinds(&with(&wide), &with(&narrow)), [("a".to_owned(), kind)], "{wide} → {narrow}");
    // The first opinion is another's, and says the same.
    assert_eq!(canonical::doubt(&with(&narrow), &with(&wide)), None, "{narrow} → {wide}");
    assert!(canonical::doubt(&with(&wide), &with(&narrow)).is_some(), "{wide} → {narrow}");
}

#[test]
fn what_is_narrower_can_be_read_as_what_is_wider_and_not_the_other_way_round() {
    widens(json!({ "type": "integer" }), json!({ "type": "number" }), Kind::TypeChanged);
    widens(json!({ "type": "string" }), json!({ "type": ["string", "null"] }), Kind::TypeChanged);
    widens(
        json!({ "type": "string" }),
        json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
        Kind::TypeChanged,
    );
    widens(json!({ "enum": ["a"] }), json!({ "enum": ["a", "b"] }), Kind::ValuesChanged);
    widens(json!({ "const": "a" }), json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }), Kind::ValuesChanged);
    widens(json!({ "enum": ["a", "b"] }), json!({ "type": "string" }), Kind::ValuesChanged);
    widens(json!({ "type": "integer", "minimum": 1 }), json!({ "type": "integer", "minimum": 0 }), Kind::RangeChanged);
    widens(json!({ "type": "integer", "maximum": 9 }), json!({ "type": "integer" }), Kind::RangeChanged);
    widens(
        json!({ "type": "number", "exclusiveMinimum": 0 }),
        json!({ "type": "number", "minimum": 0 }),
        Kind::RangeChanged,
    );
    widens(
        json!({ "type": "string", "maxLength": 3 }),
        json!({ "type": "string", "maxLength": 4 }),
        Kind::LengthChanged,
    );
    widens(json!({ "type": "string", "minLength": 1 }), json!({ "type": "string" }), Kind::LengthChanged);
    widens(json!({ "type": "string", "pattern": "^a$" }), json!({ "type": "string" }), Kind::PatternChanged);
    widens(json!({ "type": "string", "format": "uuid" }), json!({ "type": "string" }), Kind::PatternChanged);
    widens(json!({ "type": "integer", "multipleOf": 5 }), json!({ "type": "integer" }), Kind::RangeChanged);
    widens(json!({ "type": "array", "minItems": 1 }), json!({ "type": "array" }), Kind::LengthChanged);
    widens(json!({ "type": "array", "maxItems": 9 }), json!({ "type": "array", "maxItems": 10 }), Kind::LengthChanged);
    widens(json!({ "type": "array", "uniqueItems": true }), json!({ "type": "array" }), Kind::LengthChanged);
    widens(json!({ "type": "boolean" }), json!({}), Kind::TypeChanged);
}

#[test]
fn fields_are_compared_by_name_at_each_depth() {
    let field = |field: &str, kind| vec![(field.to_owned(), kind)];
    let (text, none) = (json!({ "type": "string" }), json!({ "type": "object", "properties": {} }));
    let optional = json!({ "type": "object", "properties": { "a": text } });
    assert_eq!(kinds(&none, &with(&text)), field("a", Kind::FieldMissing));
    assert_eq!(kinds(&optional, &with(&text)), field("a", Kind::FieldOptional));
    assert_eq!(kinds(&with(&text), &optional), []);
    assert_eq!(kinds(&with(&text), &none), [], "what is not known is passed over");
    assert_eq!(kinds(&none, &optional), [], "what is not named is not written");
    let inside = |inner: Value| with(&json!({ "type": "array", "items": with(&inner) }));
    assert_eq!(kinds(&inside(json!({ "type": "null" })), &inside(text.clone())), field("a[].a", Kind::TypeChanged));
    let closed = json!({ "type": "object", "additionalProperties": false });
    assert_eq!(kinds(&optional, &closed), field("", Kind::FieldMissing));
    let map = |inner: &Value| json!({ "type": "object", "additionalProperties": inner });
    assert_eq!(kinds(&map(&text), &map(&json!({ "type": "integer" }))), field("*", Kind::TypeChanged));
}

#[test]
fn what_is_not_known_is_decided_only_if_both_say_the_same() {
    let odd = |value: u32| with(&json!({ "type": "object", "minProperties": value }));
    assert_eq!(kinds(&odd(1), &odd(1)), []);
    assert_eq!(kinds(&odd(2), &odd(1)), [("a".to_owned(), Kind::Undecided)]);
    let overlapping = json!({ "oneOf": [{ "type": "integer" }, { "type": "number" }] });
    assert_eq!(kinds(&with(&json!({ "type": "integer" })), &with(&overlapping)), [("a".to_owned(), Kind::Undecided)]);
    let beside = json!({ "anyOf": [{ "type": "string" }], "maxLength": 3 });
    assert_eq!(kinds(&with(&beside), &with(&json!({ "type": "string" }))), [("a".to_owned(), Kind::Undecided)]);
}

#[test]
fn each_end_of_a_range_that_a_format_means_is_told() {
    let (small, large) =
        (json!({ "type": "integer", "format": "int32" }), json!({ "type": "integer", "format": "int64" }));
    assert_eq!(kinds(&small, &large), []);
    assert_eq!(kinds(&large, &small).len(), 2);
    let exact = |maximum: u64| json!({ "type": "integer", "maximum": maximum });
    assert_eq!(
        kinds(&exact(9_007_199_254_740_993), &exact(9_007_199_254_740_992)).len(),
        1,
        "beyond what floats tell apart"
    );
}

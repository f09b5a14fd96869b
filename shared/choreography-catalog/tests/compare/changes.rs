//! Each kind of change: what it breaks, in which direction, and for which service.

use choreography_catalog::compare::{Direction, Kind};
use serde_json::{Value, json};

use crate::lending::{breaks, changed};

use Direction::{NewEventOldReader as New, OldEventNewReader as Old};

type Expected<'a> = &'a [(&'a str, Direction, &'a str, Kind)];

fn set(pointer: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |schema| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        schema.pointer_mut(parent).unwrap()[name] = value.clone();
    }
}

fn remove(parent: &'static str, name: &'static str) -> impl Fn(&mut Value) {
    move |schema| {
        let object = schema.pointer_mut(parent).unwrap();
        object["properties"].as_object_mut().unwrap().remove(name).unwrap();
        object["required"].as_array_mut().unwrap().retain(|needed| needed != name);
    }
}

#[track_caller]
fn check(change: impl Fn(&mut Value), expected: Expected<'_>) {
    let report = changed(change);
    let expected =
        expected.iter().map(|(reader, direction, field, kind)| ((*reader).into(), *direction, (*field).into(), *kind));
    assert_eq!(breaks(&report), expected.collect(), "{report}");
    assert!(report.findings.iter().all(|finding| !finding.what.is_empty() && !finding.fix.is_empty()));
}

#[test]
fn a_field_that_is_removed_breaks_those_who_read_it() {
    check(
        remove("", "amount"),
        &[("audit", New, "amount", Kind::FieldMissing), ("ledger", New, "amount", Kind::FieldMissing)],
    );
    check(remove("", "currency"), &[("audit", New, "currency", Kind::FieldMissing)]);
}

#[test]
fn a_field_that_becomes_needed_breaks_readers_of_events_from_before() {
    let needed = |schema: &mut Value| schema["required"].as_array_mut().unwrap().push("note".into());
    check(needed, &[("audit", Old, "note", Kind::FieldOptional)]);
    let added = |schema: &mut Value| {
        schema["properties"]["branch"] = json!({ "type": "string" });
        schema["required"].as_array_mut().unwrap().push("branch".into());
    };
    check(added, &[("audit", Old, "branch", Kind::FieldMissing)]);
}

#[test]
fn a_field_that_becomes_optional_breaks_readers_that_run_now() {
    let optional =
        |schema: &mut Value| schema["required"].as_array_mut().unwrap().retain(|needed| needed != "currency");
    check(optional, &[("audit", New, "currency", Kind::FieldOptional)]);
}

#[test]
fn another_type_breaks_both_ways() {
    let kind = Kind::TypeChanged;
    check(
        set("/properties/amount", json!({ "type": "string" })),
        &[
            ("audit", New, "amount", kind),
            ("audit", Old, "amount", kind),
            ("ledger", New, "amount", kind),
            ("ledger", Old, "amount", kind),
        ],
    );
    check(
        set("/properties/currency/type", json!("integer")),
        &[("audit", New, "currency", kind), ("audit", Old, "currency", kind)],
    );
    check(set("/properties/note/type", json!("string")), &[("audit", Old, "note", kind)]);
}

#[test]
fn values_that_are_added_break_old_readers_and_values_that_go_break_new_ones() {
    check(
        set("/properties/code/enum", json!(["new", "renewed", "moved"])),
        &[("audit", New, "code", Kind::ValuesChanged)],
    );
    check(set("/properties/code/enum", json!(["new"])), &[("audit", Old, "code", Kind::ValuesChanged)]);
    check(set("/properties/code", json!({ "type": "string" })), &[("audit", New, "code", Kind::ValuesChanged)]);
}

#[test]
fn what_a_reference_leads_to_is_compared() {
    let more = json!([{ "const": "open" }, { "const": "paid" }, { "const": "lost" }]);
    check(set("/$defs/Status/oneOf", more), &[("audit", New, "status", Kind::ValuesChanged)]);
    check(set("/$defs/Status/oneOf", json!([{ "const": "open" }])), &[("audit", Old, "status", Kind::ValuesChanged)]);
    check(set("/$defs/Address/properties/zip/maxLength", json!(6)), &[("audit", New, "to.zip", Kind::LengthChanged)]);
    check(set("/$defs/Address/required", json!(["zip", "city"])), &[("audit", Old, "to.city", Kind::FieldOptional)]);
}

#[test]
fn a_range_that_widens_breaks_old_readers_and_one_that_narrows_breaks_new_ones() {
    let kind = Kind::RangeChanged;
    let both = |direction| [("audit", direction, "amount", kind), ("ledger", direction, "amount", kind)];
    check(set("/properties/amount/minimum", json!(0)), &both(New));
    check(set("/properties/amount/maximum", json!(2000)), &both(New));
    check(set("/properties/amount/minimum", json!(2)), &both(Old));
    check(set("/properties/amount/maximum", json!(999)), &both(Old));
    check(set("/properties/note/maxLength", json!(9)), &[("audit", Old, "note", Kind::LengthChanged)]);
    check(set("/properties/note/maxLength", json!(11)), &[("audit", New, "note", Kind::LengthChanged)]);
}

#[test]
fn another_pattern_or_format_is_not_decided_and_breaks_both_ways() {
    let both = |field| [("audit", New, field, Kind::PatternChanged), ("audit", Old, field, Kind::PatternChanged)];
    check(set("/properties/currency/pattern", json!("^[A-Z]{2,3}$")), &both("currency"));
    let id = set("/properties/id/format", json!("uri"));
    check(
        id,
        &[&both("id")[..], &both("id").map(|(_, direction, field, kind)| ("ledger", direction, field, kind))].concat(),
    );
}

#[test]
fn bounds_of_a_list_break_like_a_range() {
    let both = |direction| {
        [("audit", direction, "items", Kind::LengthChanged), ("ledger", direction, "items", Kind::LengthChanged)]
    };
    check(set("/properties/items/maxItems", json!(20)), &both(New));
    check(set("/properties/items/minItems", json!(0)), &both(New));
    check(set("/properties/items/maxItems", json!(5)), &both(Old));
}

#[test]
fn another_name_is_a_field_that_goes_and_a_field_that_is_needed() {
    let renamed = |schema: &mut Value| {
        let properties = schema["properties"].as_object_mut().unwrap();
        let currency = properties.remove("currency").unwrap();
        properties.insert("money".into(), currency);
        for needed in schema["required"].as_array_mut().unwrap() {
            if needed == "currency" {
                *needed = "money".into();
            }
        }
    };
    check(renamed, &[("audit", New, "currency", Kind::FieldMissing), ("audit", Old, "money", Kind::FieldMissing)]);
}

#[test]
fn what_is_nested_breaks_those_who_read_it_there() {
    let field = "items[].quantity";
    check(
        remove("/$defs/Item", "quantity"),
        &[("audit", New, field, Kind::FieldMissing), ("ledger", New, field, Kind::FieldMissing)],
    );
    check(remove("/$defs/Item", "sku"), &[("audit", New, "items[].sku", Kind::FieldMissing)]);
}

#[test]
fn what_can_not_be_decided_counts_as_broken() {
    let negated = set("/properties/code", json!({ "type": "string", "not": { "const": "moved" } }));
    check(negated, &[("audit", New, "code", Kind::Undecided), ("audit", Old, "code", Kind::Undecided)]);
    let itself = set("/$defs/Item", json!({ "type": "object", "properties": { "inner": { "$ref": "#/$defs/Item" } } }));
    let undecided = |reader, direction| (reader, direction, "", Kind::Undecided);
    check(
        itself,
        &[undecided("audit", New), undecided("audit", Old), undecided("ledger", New), undecided("ledger", Old)],
    );
}

#[test]
fn what_is_compatible_passes() {
    check(|_| {}, &[]);
    check(set("/properties/branch", json!({ "type": "string", "pattern": "^a" })), &[]);
    check(set("/$defs/Address/properties/street", json!({ "type": "string" })), &[]);
    check(set("/$defs/Item/properties/price", json!({ "type": "integer", "minimum": 0 })), &[]);
    check(set("/title", json!("Loan")), &[]);
    check(set("/properties/amount/description", json!("in cents")), &[]);
    // A reader of an optional field does without it.
    check(|schema| drop(schema["properties"].as_object_mut().unwrap().remove("note")), &[]);
    let other_name = |schema: &mut Value| {
        let item = schema["$defs"].as_object_mut().unwrap().remove("Item").unwrap();
        schema["$defs"]["Line"] = item;
        schema["properties"]["items"]["items"] = json!({ "$ref": "#/$defs/Line" });
    };
    check(other_name, &[]);
    let in_place = |schema: &mut Value| schema["properties"]["status"] = json!({ "enum": ["paid", "open"] });
    check(in_place, &[]);
}

#[test]
fn a_report_says_what_breaks_for_whom_and_what_to_do() {
    let text = changed(remove("", "currency")).to_string();
    let expected = "field-missing in loan.granted version 1, currency: breaks audit\n  \
        an event of this build, read by what is published: it is not written, and is needed.\n  \
        do: Go on writing what the reader reads, or make the change a new version, which all readers accept first.\n\n\
        compared with 1 published version, in both directions\n1 break\n";
    assert_eq!(text, expected);
}

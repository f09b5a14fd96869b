//! The published JSON Schemas say what the types say.

use std::{collections::BTreeSet, fs, path::PathBuf};

use contracts::Event;
use serde_json::Value;

use crate::support::{golden_json, samples};

const UPDATE: &str = "cargo run --release -p contracts --example schemas -- shared/contracts/schemas";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

pub fn is_valid(event_type: &str, payload: &Value) -> bool {
    let (.., schema) = Event::schemas().into_iter().find(|(name, ..)| *name == event_type).unwrap();
    jsonschema::options().should_validate_formats(true).build(schema.as_value()).unwrap().is_valid(payload)
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let mut current = BTreeSet::new();
    for (event_type, version, schema) in Event::schemas() {
        let name = format!("{event_type}.v{version}.json");
        let committed = fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert_eq!(committed, format!("{:#}\n", schema.as_value()), "{name}: after a wanted change: {UPDATE}");
        current.insert(name);
    }
    let there = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    // Schemas of earlier versions stay for as long as those are read.
    assert!(there.collect::<BTreeSet<_>>().is_superset(&current));
}

#[test]
fn each_golden_payload_keeps_its_schema() {
    for sample in samples::all() {
        assert!(is_valid(sample.event_type(), &golden_json(&sample)), "{}", sample.event_type());
    }
}

#[test]
fn a_schema_asks_for_each_field_that_the_type_asks_for_and_for_no_other() {
    for sample in samples::all() {
        let payload = golden_json(&sample);
        for field in payload.as_object().unwrap().keys() {
            let mut without = payload.clone();
            without.as_object_mut().unwrap().remove(field);
            let is_read = Event::parse(sample.event_type(), sample.version(), &without.to_string()).is_ok();
            assert_eq!(is_valid(sample.event_type(), &without), is_read, "{} without {field}", sample.event_type());
        }
        let mut more = payload;
        more.as_object_mut().unwrap().insert("addedLater".into(), Value::Bool(true));
        assert!(is_valid(sample.event_type(), &more), "unknown fields are tolerated");
    }
}

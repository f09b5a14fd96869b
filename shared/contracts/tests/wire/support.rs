//! What the tests of the wire format share.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod samples;

use std::{fs, path::PathBuf};

use contracts::Event;
use serde_json::Value;

pub fn golden_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

pub fn golden_name(event: &Event) -> String {
    format!("{}.v{}.json", event.event_type(), event.version())
}

pub fn golden(event: &Event) -> String {
    let path = golden_folder().join(golden_name(event));
    let is_written_as = || event.to_payload().unwrap_or_else(|error| error.to_string());
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; the sample is written as {}", path.display(), is_written_as()))
}

pub fn golden_json(event: &Event) -> Value {
    serde_json::from_str(&golden(event)).unwrap()
}

/// Drops the white space between tokens, and nothing else: order and spelling stay.
pub fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            if in_string {
                in_string = escaped || *character != '"';
                escaped = !escaped && *character == '\\';
                return true;
            }
            in_string = *character == '"';
            !character.is_whitespace()
        })
        .collect()
}

/// Every place in `json` below its root, as a JSON pointer and as the path that an error names.
pub fn places(json: &Value) -> Vec<(String, String)> {
    fn below(json: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
        let children: Vec<_> = match json {
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), format!(".{name}"), value)).collect()
            }
            Value::Array(values) => values
                .iter()
                .enumerate()
                .map(|(index, value)| (index.to_string(), format!("[{index}]"), value))
                .collect(),
            _ => Vec::new(),
        };
        for (token, step, value) in children {
            let (pointer, path) = (format!("{pointer}/{token}"), format!("{path}{step}"));
            below(value, &pointer, &path, found);
            found.push((pointer, path));
        }
    }
    let mut found = Vec::new();
    below(json, "", "payload", &mut found);
    found
}

//! The committed JSON Schema says what the types say.

use schemars::generate::SchemaSettings;

use crate::Description;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/description.schema.json");

fn generated() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Description>();
    let json = serde_json::to_string_pretty(&schema).unwrap();
    format!("{json}\n")
}

#[test]
fn what_is_committed_is_what_the_types_say() {
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(COMMITTED, generated()).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let update = "UPDATE_SCHEMA=1 cargo test --release -p choreography-check schema";
    assert_eq!(committed, generated(), "after a wanted change: {update}");
}

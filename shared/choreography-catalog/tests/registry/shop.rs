//! The shop's own schemas, at an empty registry.

use std::fs;

use serde_json::{Value, json};

use crate::{
    apicurio::Apicurio,
    program::{register, root},
};

/// Each schema that the shop has published, with its type and version.
fn published() -> Vec<(String, u32, Value)> {
    let folder = root().join("shared/contracts/published");
    let read = |file: &str| serde_json::from_str::<Value>(&fs::read_to_string(folder.join(file)).unwrap()).unwrap();
    let record = read("record.json");
    let events = record["events"].as_array().unwrap().iter();
    let schemas = events.flat_map(|event| {
        let version = u32::try_from(event["version"].as_u64().unwrap()).unwrap();
        let revisions = event["revisions"].as_array().unwrap().iter();
        revisions
            .map(move |revision| (event["event"].as_str().unwrap().to_owned(), version, revision["schema"].clone()))
    });
    schemas.map(|(event, version, file)| (event, version, read(file.as_str().unwrap()))).collect()
}

#[tokio::test]
async fn an_empty_registry_gets_every_schema_once_and_a_second_run_changes_nothing() {
    let (registry, published) = (Apicurio::start().await, published());

    let dry = register(&registry.url, &["--dry-run", "--json"]).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(dry.steps().len(), published.len());
    assert!(dry.steps().iter().all(|step| step["did"] == "would-register"), "{dry:?}");
    assert_eq!(registry.get("subjects").await, json!([]), "a dry run writes nothing");

    let first = register(&registry.url, &["--json"]).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    let steps = first.steps();
    assert_eq!(steps.len(), published.len());
    for (event, version, payload) in &published {
        let is_it = |step: &&Value| step["event"] == **event && step["version"] == *version;
        let mut found = false;
        for step in steps.iter().filter(is_it) {
            assert_eq!((&step["did"], &step["subject"]), (&json!("registered"), &json!(event)));
            let (id, schema) = registry.schema(event, step["registry_version"].as_u64().unwrap()).await;
            assert_eq!(step["id"], id);
            found |= holds(&schema, event, *version, payload);
        }
        assert!(found, "{event} version {version} is not in the registry");
    }

    let again = register(&registry.url, &["--json"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let left: Vec<Value> = steps.into_iter().map(|step| with(step, "did", "left-alone")).collect();
    assert_eq!(again.steps(), left, "the same versions and ids");
    let count = published.len();
    let dry = register(&registry.url, &["--dry-run"]).await;
    let end = format!("/v7: 0 would be registered, {count} already there, 0 refused; nothing was written\n");
    assert!(dry.code == Some(0) && dry.out.ends_with(&end), "{dry:?}");

    // Its API does not stand at its root.
    let elsewhere = registry.url.trim_end_matches("/apis/ccompat/v7");
    let ran = register(elsewhere, &[]).await;
    assert_eq!((ran.code, &*ran.out), (Some(2), ""));
    let words =
        format!("GET {elsewhere}/schemas/types: this is no schema registry with Confluent's API: it answered 404");
    assert!(ran.err.starts_with(&words) && ran.err.contains("/apis/ccompat/v7"), "{ran:?}");
}

/// Whether a registered schema is that of a message with this payload: the whole payload's, its definitions at the root.
fn holds(schema: &Value, event: &str, version: u32, payload: &Value) -> bool {
    let mut inside = schema["properties"]["payload"].clone();
    for keyword in ["$schema", "$defs"] {
        if let Some(value) = schema.get(keyword) {
            inside[keyword] = value.clone();
        }
    }
    let fields = &schema["properties"];
    assert_eq!((&schema["title"], &fields["type"]["const"]), (&json!(event), &json!(event)));
    assert_eq!((&fields["version"]["const"], &fields["id"]["format"]), (&json!(version), &json!("uuid")));
    inside == *payload
}

fn with(mut step: Value, name: &str, value: &str) -> Value {
    step[name] = value.into();
    step
}

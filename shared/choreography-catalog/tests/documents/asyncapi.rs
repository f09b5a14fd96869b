//! The documents keep AsyncAPI's own schema, hang together, and are those that are committed.

use choreography_catalog::asyncapi::documents;
use published_schemas::references;
use serde_json::{Value, json};

use crate::{RELEASE, assert_committed, asyncapi_schema, json, shop};

fn of(service: &str) -> Value {
    json(&documents(&shop(), RELEASE).unwrap()[&format!("{service}.json")])
}

#[test]
fn the_committed_documents_are_those_of_the_descriptions_and_schemas() {
    assert_committed("deploy/choreography/asyncapi", &documents(&shop(), RELEASE).unwrap(), "asyncapi");
}

#[test]
fn each_document_keeps_the_schema_of_asyncapi() {
    let validator = jsonschema::options().build(&asyncapi_schema::read()).unwrap();
    for (file, document) in documents(&shop(), RELEASE).unwrap() {
        let wrong: Vec<String> = validator
            .iter_errors(&json(&document))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{file}: {}", wrong.join("\n"));
    }
    // What it refuses, so that it is known to look.
    for (pointer, planted) in [
        ("/operations/receive-order.placed/action", json!("overhear")),
        ("/operations/receive-order.placed/bindings/kafka/groupID", json!("inventory")),
        ("/channels/order-events/bindings/kafka/partitions", json!(0)),
        ("/components/schemas/order.placed.v1/type", json!("record")),
    ] {
        let mut document = of("inventory");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = planted;
        assert!(!validator.is_valid(&document), "{pointer}");
    }
}

#[test]
fn each_reference_leads_somewhere_and_an_operation_has_messages_of_its_channel() {
    for (file, document) in documents(&shop(), RELEASE).unwrap() {
        let document = json(&document);
        let found = references(&document);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{file}: {reference}");
        }
        for operation in document["operations"].as_object().unwrap().values() {
            let channel = operation["channel"]["$ref"].as_str().unwrap();
            for message in operation["messages"].as_array().unwrap() {
                assert!(message["$ref"].as_str().unwrap().starts_with(&format!("{channel}/messages/")), "{file}");
            }
        }
    }
}

#[test]
fn each_example_keeps_the_schema_of_its_message() {
    for (file, document) in documents(&shop(), RELEASE).unwrap() {
        let document = json(&document);
        for (name, message) in document["components"]["messages"].as_object().unwrap() {
            for part in ["payload", "headers"] {
                let mut schema = message[part].clone();
                schema["components"] = document["components"].clone();
                let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
                let example = &message["examples"][0][part];
                assert!(example.is_object(), "{file}: {name} has no example");
                let wrong = validator.iter_errors(example).next().map(|error| error.to_string());
                assert_eq!(wrong, None, "{file}: {name}, {part}");
            }
        }
    }
}

#[test]
fn a_document_says_what_its_service_reads_as_which_group_and_what_it_writes() {
    let inventory = of("inventory");
    let received = &inventory["operations"]["receive-payment.failed"];
    assert_eq!(received["action"], "receive");
    assert_eq!(received["bindings"]["kafka"]["groupId"]["enum"], json!(["inventory"]));
    assert_eq!(received["tags"], json!([{ "name": "compensation" }]));
    let sent = &inventory["operations"]["send-inventory.reserved"];
    assert_eq!((&sent["action"], &sent["channel"]["$ref"]), (&json!("send"), &json!("#/channels/inventory-events")));
    assert!(sent.get("bindings").is_none(), "who writes has no group");
    let schemas = inventory["components"]["schemas"].as_object().unwrap();
    assert!(schemas.contains_key("Address") && schemas.contains_key("Envelope"), "hoisted");
}

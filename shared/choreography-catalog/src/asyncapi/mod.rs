//! An AsyncAPI 3.1 document per service, with the bindings for Kafka.

mod components;

use choreography_check::Description;
use serde_json::{Map, Value, json};

use crate::{
    Catalog, CatalogError, EventVersion, Files,
    envelope::{self, ENVELOPE, HEADERS},
};
use components::Components;

/// The version of AsyncAPI's Kafka bindings.
const BINDING: &str = "0.5.0";

/// The documents by their files: `NAME.json`.
///
/// # Errors
/// An event that a service publishes or handles has no schema.
pub fn documents(catalog: &Catalog, release: &str) -> Result<Files, CatalogError> {
    let document = |service: &&Description| {
        Ok((format!("{}.json", service.name), format!("{:#}\n", document(catalog, service, release)?)))
    };
    catalog.services().iter().map(document).collect()
}

/// A service's document.
fn document(catalog: &Catalog, service: &Description, release: &str) -> Result<Value, CatalogError> {
    let (handled, published) = (catalog.handled(service), Catalog::published(service));
    let mut all: Vec<&EventVersion> = handled.iter().chain(&published).collect();
    all.sort();
    all.dedup();
    let mut components = Components::default();
    for event in &all {
        components.add(event, catalog.schema(event, &service.name)?);
    }
    let mut schemas = components.schemas();
    schemas.insert("Envelope".into(), envelope::schema(ENVELOPE));
    schemas.insert("Headers".into(), envelope::schema(HEADERS));
    let messages: Map<String, Value> =
        all.iter().map(|event| (event.key(), message(catalog, service, event))).collect();
    Ok(json!({
        "asyncapi": "3.1.0",
        "info": {
            "title": service.name,
            "version": release,
            "description": format!("The events that {} publishes and handles.", service.name),
        },
        "defaultContentType": "application/json",
        "channels": channels(service, &all),
        "operations": operations(service, &handled, &published),
        "components": { "messages": messages, "schemas": schemas },
    }))
}

/// The topic of an event; a description names that of each event that it names.
fn topic<'a>(service: &'a Description, event: &EventVersion) -> &'a str {
    service.events.get(&event.event).map_or("", |contract| &contract.topic)
}

fn channels(service: &Description, events: &[&EventVersion]) -> Map<String, Value> {
    let mut channels = Map::new();
    for event in events {
        let topic = topic(service, event);
        let channel = channels.entry(topic).or_insert_with(|| {
            json!({
                "address": topic,
                "messages": {},
                "bindings": { "kafka": { "topic": topic, "bindingVersion": BINDING } },
            })
        });
        channel["messages"][event.key()] = json!({ "$ref": format!("#/components/messages/{}", event.key()) });
    }
    channels
}

/// An operation for each type: code generated from the document has a handler for each.
fn operations(service: &Description, handled: &[EventVersion], published: &[EventVersion]) -> Map<String, Value> {
    let mut operations = Map::new();
    for (action, events) in [("receive", handled), ("send", published)] {
        for event in events {
            let topic = topic(service, event);
            let operation = operations.entry(format!("{action}-{}", event.event)).or_insert_with(|| {
                let mut operation = json!({
                    "action": action,
                    "channel": { "$ref": format!("#/channels/{topic}") },
                    "messages": [],
                });
                if action == "receive" {
                    let group = json!({ "type": "string", "enum": [service.group()] });
                    operation["bindings"] = json!({ "kafka": { "groupId": group, "bindingVersion": BINDING } });
                    if service.compensates.contains(&event.event) {
                        operation["tags"] = json!([{ "name": "compensation" }]);
                    }
                }
                operation
            });
            let reference = json!({ "$ref": format!("#/channels/{topic}/messages/{}", event.key()) });
            if let Some(messages) = operation["messages"].as_array_mut() {
                messages.push(reference);
            }
        }
    }
    operations
}

fn message(catalog: &Catalog, service: &Description, event: &EventVersion) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut message = json!({
        "name": event.event,
        "title": event.to_string(),
        "contentType": "application/json",
        "headers": reference("Headers"),
        "correlationId": { "location": "$message.header#/correlation-id" },
        "payload": envelope::around(event, &reference("Envelope"), &reference(&event.key())),
        "bindings": {
            "kafka": {
                "key": { "type": "string", "description": "The envelope's aggregateId." },
                "bindingVersion": BINDING,
            },
        },
    });
    if let Some(payload) = catalog.golden.get(event) {
        let owner = service.events.get(&event.event).map_or("", |contract| &contract.owner);
        message["examples"] = json!([{
            "headers": envelope::example_headers(event),
            "payload": envelope::example(event, owner, payload),
        }]);
    }
    message
}

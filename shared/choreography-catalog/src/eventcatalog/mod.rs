//! An EventCatalog: a page for each service, event and topic, with the schema beside each event.

mod page;

use std::collections::BTreeMap;

use choreography_check::Description;

use crate::{Catalog, CatalogError, EventVersion, Files};
use page::Page;

/// The settings of EventCatalog's linter.
const LINTER: &str = "// Descriptions name services, not people or teams.\n\
    module.exports = { rules: { 'best-practices/owner-required': 'off' } };\n";

/// The catalogue's files by their paths.
///
/// # Errors
/// An event that a service publishes or handles has no schema.
pub fn files(catalog: &Catalog, release: &str) -> Result<Files, CatalogError> {
    let mut files = Files::from([(".eventcatalogrc.js".to_owned(), LINTER.to_owned())]);
    // Of each version of an event: its topic, its owner, and its schema.
    let mut events: BTreeMap<EventVersion, (&str, &str, &serde_json::Value)> = BTreeMap::new();
    for service in catalog.services() {
        files.insert(format!("services/{}/index.mdx", service.name), service_page(catalog, service, release));
        for event in Catalog::published(service).into_iter().chain(catalog.handled(service)) {
            let schema = catalog.schema(&event, &service.name)?;
            if let Some(contract) = service.events.get(&event.event) {
                events.insert(event, (&contract.topic, &contract.owner, schema));
            }
        }
    }
    for (event, (topic, owner, schema)) in &events {
        let newest = events.keys().rfind(|other| other.event == event.event) == Some(event);
        let folder = folder(event, newest);
        files.insert(format!("{folder}/index.mdx"), event_page(event, topic, owner, schema, release));
        files.insert(format!("{folder}/schema.json"), format!("{schema:#}\n"));
        files.entry(format!("channels/{topic}/index.mdx")).or_insert_with(|| channel_page(topic, owner, release));
    }
    Ok(files)
}

/// The newest version of an event stands in the event's folder, others below it.
fn folder(event: &EventVersion, newest: bool) -> String {
    let EventVersion { event: name, .. } = event;
    if newest { format!("events/{name}") } else { format!("events/{name}/versioned/{}", semantic(event)) }
}

/// EventCatalog's versions have three parts.
fn semantic(event: &EventVersion) -> String {
    format!("{}.0.0", event.version)
}

fn service_page(catalog: &Catalog, service: &Description, release: &str) -> String {
    let mut page = Page::new(&service.name, &service.name, release);
    let group = service.group();
    page.text("summary", &format!("Reads as the consumer group {group}."));
    for (name, end, events) in
        [("receives", "from", catalog.handled(service)), ("sends", "to", Catalog::published(service))]
    {
        let pointers = events.into_iter().filter_map(|event| {
            let topic = service.events.get(&event.event)?.topic.clone();
            Some((event.event.clone(), semantic(&event), end, topic, release.to_owned()))
        });
        page.messages(name, pointers.collect());
    }
    page.finish()
}

fn event_page(event: &EventVersion, topic: &str, owner: &str, schema: &serde_json::Value, release: &str) -> String {
    let mut page = Page::new(&event.event, &event.event, &semantic(event));
    let summary = schema["description"].as_str().map_or_else(|| format!("Published by {owner}."), str::to_owned);
    page.text("summary", &summary);
    page.text("schemaPath", "schema.json");
    page.pointers("channels", &[(topic, release)]);
    page.finish()
}

fn channel_page(topic: &str, owner: &str, release: &str) -> String {
    let mut page = Page::new(topic, topic, release);
    page.text("summary", &format!("Written by {owner} alone. The key is the aggregate's id."));
    page.text("address", topic);
    page.texts("protocols", &["kafka"]);
    page.text("deliveryGuarantee", "at-least-once");
    page.finish()
}

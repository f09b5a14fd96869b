//! Consumer contracts as Pact V4 asynchronous messages: what a consumer needs of a provider's events, as an example and as rules.
//! A team without Rust verifies its events, or tests its reader, by these files.

mod fields;
mod matchers;

use std::collections::BTreeMap;

use choreography_check::Description;
use serde_json::{Value, json};

use crate::{
    Catalog, CatalogError, EventVersion, Files,
    envelope::{self, ENVELOPE},
    resolved::resolved,
};

/// The contracts by their files: `CONSUMER-PROVIDER.json`.
///
/// # Errors
/// An event that a service handles has no schema or no golden payload, or a schema that refers to itself.
pub fn contracts(catalog: &Catalog) -> Result<Files, CatalogError> {
    let mut files = Files::new();
    for consumer in catalog.services() {
        let mut interactions: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for event in catalog.handled(consumer) {
            let Some(contract) = consumer.events.get(&event.event) else { continue };
            interactions.entry(&contract.owner).or_default().push(interaction(
                catalog,
                consumer,
                &event,
                &contract.owner,
            )?);
        }
        for (provider, interactions) in interactions {
            let pact = json!({
                "consumer": { "name": consumer.name },
                "provider": { "name": provider },
                "interactions": interactions,
                "metadata": { "pactSpecification": { "version": "4.0" } },
            });
            files.insert(format!("{}-{provider}.json", consumer.name), format!("{pact:#}\n"));
        }
    }
    Ok(files)
}

fn interaction(
    catalog: &Catalog,
    consumer: &Description,
    event: &EventVersion,
    provider: &str,
) -> Result<Value, CatalogError> {
    let unusable = |problem| CatalogError::Schema { event: event.clone(), problem };
    let schema = catalog.schema(event, &consumer.name)?;
    let golden = catalog
        .golden
        .get(event)
        .ok_or_else(|| CatalogError::NoGolden { event: event.clone(), service: consumer.name.clone() })?;
    let contract = consumer.events.get(&event.event).filter(|contract| contract.version == event.version);
    let payload = match contract.and_then(|contract| contract.fields.as_ref()) {
        Some(fields) => fields::of(golden, fields),
        // What it reads is not known: it may be all.
        None => golden.clone(),
    };
    let message = envelope::example(event, provider, &payload);
    let mut rules = matchers::of(&resolved(&envelope::schema(ENVELOPE)).map_err(unusable)?, &message, "$");
    rules.extend(matchers::of(&resolved(schema).map_err(unusable)?, &payload, "$.payload"));
    // These two say which event it is.
    rules.retain(|path, _| path != "$.type" && path != "$.version");
    Ok(json!({
        "type": "Asynchronous/Messages",
        "key": format!("{}-{}", consumer.name, event.key()),
        "description": event.to_string(),
        "pending": false,
        "contents": { "content": message, "contentType": "application/json", "encoded": false },
        // Kafka's side of the message. A reader needs no header.
        "metadata": { "contentType": "application/json" },
        "matchingRules": { "body": rules, "metadata": {} },
    }))
}

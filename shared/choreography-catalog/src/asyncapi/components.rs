//! Schemas of payloads as components of one document: what they have in `$defs` is hoisted, and what several have alike is there
//! once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::EventVersion;

const DEFS: &str = "#/$defs/";

/// The schemas of a document.
#[derive(Default)]
pub(super) struct Components {
    payloads: BTreeMap<EventVersion, Value>,
}

impl Components {
    pub(super) fn add(&mut self, event: &EventVersion, schema: &Value) {
        self.payloads.insert(event.clone(), schema.clone());
    }

    /// All of them by name. A definition keeps its name, unless two payloads mean different things by one name: then each
    /// definition is named after its payload, too.
    pub(super) fn schemas(&self) -> Map<String, Value> {
        let apart = self.contradict();
        let mut schemas = Map::new();
        for (event, schema) in &self.payloads {
            let prefix = if apart { format!("{}.", event.key()) } else { String::new() };
            let mut payload = schema.clone();
            let definitions = payload.as_object_mut().and_then(|payload| {
                // AsyncAPI says which dialect its schemas have.
                payload.remove("$schema");
                payload.remove("$defs")
            });
            schemas.insert(event.key(), renamed(payload, &prefix));
            let Some(Value::Object(definitions)) = definitions else { continue };
            schemas.extend(
                definitions.into_iter().map(|(name, body)| (format!("{prefix}{name}"), renamed(body, &prefix))),
            );
        }
        schemas
    }

    /// Whether one name stands for different things.
    fn contradict(&self) -> bool {
        let mut bodies: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for definitions in self.payloads.values().filter_map(|schema| schema["$defs"].as_object()) {
            for (name, body) in definitions {
                bodies.entry(name).or_default().insert(body.to_string());
            }
        }
        bodies.into_iter().any(|(name, bodies)| bodies.len() > 1 || ["Envelope", "Headers"].contains(&name))
    }
}

/// The same schema with references to components.
fn renamed(mut schema: Value, prefix: &str) -> Value {
    rename(&mut schema, prefix);
    schema
}

fn rename(json: &mut Value, prefix: &str) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => {
                        if let Some(definition) = reference.strip_prefix(DEFS) {
                            *reference = format!("#/components/schemas/{prefix}{definition}");
                        }
                    }
                    value => rename(value, prefix),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, prefix)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(kind: &str) -> Value {
        json!({
            "$schema": "a dialect",
            "properties": { "to": { "$ref": "#/$defs/Place" } },
            "$defs": { "Place": { "properties": { "country": { "$ref": "#/$defs/Code" } } }, "Code": { "type": kind } },
        })
    }

    fn names(schemas: &Map<String, Value>) -> Vec<&str> {
        schemas.keys().map(String::as_str).collect()
    }

    #[test]
    fn what_several_have_alike_is_there_once_and_all_references_lead_to_components() {
        let mut components = Components::default();
        components.add(&EventVersion::new("a", 1), &with("string"));
        components.add(&EventVersion::new("b", 1), &with("string"));
        let schemas = components.schemas();
        assert_eq!(names(&schemas), ["Code", "Place", "a.v1", "b.v1"]);
        assert_eq!(schemas["a.v1"]["properties"]["to"]["$ref"], "#/components/schemas/Place");
        assert_eq!(schemas["Place"]["properties"]["country"]["$ref"], "#/components/schemas/Code");
        assert!(schemas["a.v1"].get("$schema").is_none() && schemas["a.v1"].get("$defs").is_none());
    }

    #[test]
    fn one_name_for_different_things_is_told_apart() {
        let mut components = Components::default();
        components.add(&EventVersion::new("a", 1), &with("string"));
        components.add(&EventVersion::new("b", 1), &with("integer"));
        let schemas = components.schemas();
        assert_eq!(names(&schemas), ["a.v1", "a.v1.Code", "a.v1.Place", "b.v1", "b.v1.Code", "b.v1.Place"]);
        assert_eq!(schemas["b.v1.Place"]["properties"]["country"]["$ref"], "#/components/schemas/b.v1.Code");
    }
}

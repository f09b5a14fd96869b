//! What a service says of itself, as JSON. `README.md` explains the format; `description.schema.json` is its JSON Schema.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{field::FieldType, state_table::StateTable};

/// One service's part in the choreography. A program on the engine prints it when it is asked to `describe`; a service in
/// another language has it written by hand or by a tool of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Where the JSON Schema of this format is, for editors.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// The service's name.
    pub name: String,
    /// The consumer group by which it reads; by default its name.
    #[serde(default)]
    pub group: Option<String>,
    /// Whether a repeat of an event or of an answer is dropped in the transaction that would handle it, as an inbox does.
    /// By default it is not: each may come twice.
    #[serde(default)]
    pub deduplicates: bool,
    /// The topics that it reads.
    #[serde(default)]
    pub reads: Vec<String>,
    /// The topics that it writes.
    #[serde(default)]
    pub writes: Vec<String>,
    /// The types of events that it handles.
    #[serde(default)]
    pub handles: Vec<String>,
    /// Those among them that overtake events which came before them and wait (are parked).
    #[serde(default)]
    pub compensates: Vec<String>,
    /// The types that it passes over.
    #[serde(default)]
    pub ignores: Vec<String>,
    /// The types that it publishes.
    #[serde(default)]
    pub publishes: Vec<String>,
    /// Those among them that say how a saga ended, for whoever wants to know: nobody has to handle them.
    #[serde(default)]
    pub outcomes: Vec<String>,
    /// The event after which nothing is undone. At most one service has it.
    #[serde(default)]
    pub pivot: Option<String>,
    /// For each event that states a step of this service: the event that says that the step is undone.
    #[serde(default)]
    pub compensations: BTreeMap<String, String>,
    /// The commands of its clients that are about a saga.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Those among them that begin one.
    #[serde(default)]
    pub begins: Vec<String>,
    /// The topics of keys of personal data that it owns: it alone writes them. The check passes over them: no saga moves by a key.
    #[serde(default)]
    pub owns_keys: Vec<String>,
    /// The topics of keys of personal data that it reads. The check passes over them.
    #[serde(default)]
    pub reads_keys: Vec<String>,
    /// The steps of its external calls.
    #[serde(default)]
    pub calls: Vec<String>,
    /// For each call: what the answer can be; by default whatever the state table names.
    #[serde(default)]
    pub answers: BTreeMap<String, Vec<String>>,
    /// The names of its deadlines.
    #[serde(default)]
    pub deadlines: Vec<String>,
    /// Its tables of the database. The check passes over them.
    #[serde(default)]
    pub tables: Vec<String>,
    /// The variables of the environment that it reads. The check passes over them.
    #[serde(default)]
    pub settings: Vec<String>,
    /// What it knows of each type that is named above.
    #[serde(default)]
    pub events: BTreeMap<String, EventContract>,
    /// What it does, state by state.
    #[serde(default)]
    pub state_table: Option<StateTable>,
}

/// What a service knows of a type of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventContract {
    /// The topic on which it is published.
    pub topic: String,
    /// The one service that publishes it.
    pub owner: String,
    /// The version that this service writes, or knows best.
    pub version: u32,
    /// The versions that this service can read; by default `version` alone.
    #[serde(default)]
    pub accepts: Vec<u32>,
    /// The fields of the payload that this service writes or reads, by path (`items[].sku`); by default not known, and not
    /// compared.
    #[serde(default)]
    pub fields: Option<BTreeMap<String, FieldType>>,
}

impl Description {
    /// The consumer group by which it reads.
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.name)
    }

    /// Whether it handles this type of events.
    pub fn handles(&self, event: &str) -> bool {
        self.handles.iter().any(|handled| handled == event)
    }

    /// Whether it publishes this type of events.
    pub fn publishes(&self, event: &str) -> bool {
        self.publishes.iter().any(|published| published == event)
    }
}

impl EventContract {
    /// Whether an event of this version can be read.
    pub fn accepts(&self, version: u32) -> bool {
        if self.accepts.is_empty() { self.version == version } else { self.accepts.contains(&version) }
    }
}

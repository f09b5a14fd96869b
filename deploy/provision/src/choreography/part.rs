//! What a service says of itself.

use std::collections::BTreeMap;

use choreography::{Stage, TopicMoves};
use serde::{Deserialize, de::DeserializeOwned};

/// One service's part in the choreography, as `SERVICE describe` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// Its name: program, database, role, Kafka user and consumer group.
    #[serde(rename = "name")]
    pub service: String,
    /// The topics that it reads.
    pub reads: Vec<String>,
    /// The topics that it writes.
    pub writes: Vec<String>,
    /// The types of events that it handles.
    pub handles: Vec<String>,
    /// Those among them that overtake parked events.
    pub compensates: Vec<String>,
    /// The types that it passes over.
    pub ignores: Vec<String>,
    /// The types that it publishes.
    pub publishes: Vec<String>,
    /// What the contracts say of all these types.
    pub events: BTreeMap<String, EventContract>,
    /// The topics of keys of personal data that it owns: it alone writes them, and reads them too.
    #[serde(default)]
    pub owns_keys: Vec<String>,
    /// The topics of keys of personal data that it reads.
    #[serde(default)]
    pub reads_keys: Vec<String>,
    /// The steps of its external calls.
    pub calls: Vec<String>,
    /// The names of its deadlines.
    pub deadlines: Vec<String>,
    /// Its tables.
    pub tables: Vec<String>,
    /// The variables of the environment that it reads.
    pub settings: Vec<String>,
    /// Topics that it read until they moved: what it still defers of them may become a dead letter.
    #[serde(skip)]
    pub read_before: Vec<String>,
}

/// Where a type of event stands, whose it is, and which version this service knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct EventContract {
    pub topic: String,
    pub owner: String,
    pub version: u32,
}

impl Part {
    /// The part by the topics' names on the broker: while one moves, it has two.
    #[must_use]
    pub fn with_moves(&self, moves: &TopicMoves) -> Self {
        let names = |topics: &[String]| -> Vec<String> {
            topics.iter().flat_map(|topic| moves.names(topic)).map(str::to_owned).collect()
        };
        let is_left = |topic: &&String| moves.iter().any(|each| each.from == **topic && each.stage == Stage::Moved);
        Self {
            reads: names(&self.reads),
            writes: names(&self.writes),
            read_before: self.reads.iter().filter(is_left).cloned().collect(),
            ..self.clone()
        }
    }

    /// Does it read this variable of the environment?
    #[must_use]
    pub fn has_setting(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting == name)
    }
}

/// The lines say which field is wrong.
pub(super) fn read(json: &[u8]) -> Result<Part, Vec<String>> {
    parse(json).map_err(|wrong| vec![wrong])
}

/// An error names the field by its path.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let parsed =
        serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().to_string().as_str() {
            "." => error.inner().to_string(),
            path => format!("{path}: {}", error.inner()),
        })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(parsed)
}

//! The envelope that every event travels in, as JSON. Strict on the way in: events are data from outside.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Longest accepted `correlationId`, `aggregateId`, `type` and `source`, in bytes.
const MAX_NAME: usize = 200;

/// One event. Unknown further fields are tolerated, so that newer writers and older readers live side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// UUIDv7, minted once, when the event was recorded; every repeat carries the same.
    pub id: Uuid,
    /// For example `inventory.reserved`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The payload's version.
    pub version: u32,
    /// When the event was recorded, by the database's clock.
    pub timestamp: DateTime<Utc>,
    /// The saga that this event belongs to.
    pub correlation_id: String,
    /// What the event is about; the Kafka key.
    pub aggregate_id: String,
    /// A JSON object, as it came.
    pub payload: Box<RawValue>,
    /// The event that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// The service that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Why some bytes are no envelope.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// There is no payload.
    #[error("the message has no value (a tombstone); events are never deleted by key")]
    Empty,
    /// A field is missing or wrong.
    #[error("{path}: {problem}")]
    Field {
        /// Where in the envelope.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The Kafka key is not the aggregate.
    #[error("the Kafka key is {key:?} but aggregateId says {aggregate_id:?}; both must name the same aggregate")]
    KeyMismatch {
        /// The message's key.
        key: String,
        /// The envelope's aggregate.
        aggregate_id: String,
    },
}

impl Envelope {
    /// Reads an envelope and checks that the Kafka key, where there is one, names its aggregate.
    pub fn parse(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self, EnvelopeError> {
        let value = value.filter(|bytes| !bytes.is_empty()).ok_or(EnvelopeError::Empty)?;
        // Serde takes a list of the fields' values for an object too; their order is not part of the protocol.
        if value.trim_ascii_start().first() == Some(&b'[') {
            return Err(field("(envelope)", "must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(value);
        let envelope: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| EnvelopeError::Field {
            path: error.path().to_string(),
            problem: error.inner().to_string(),
        })?;
        json.end().map_err(|error| field("(end)", &error.to_string()))?;
        envelope.check()?;
        match key {
            Some(key) if key != envelope.aggregate_id.as_bytes() => Err(EnvelopeError::KeyMismatch {
                key: String::from_utf8_lossy(key).into_owned(),
                aggregate_id: envelope.aggregate_id,
            }),
            _ => Ok(envelope),
        }
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        check_name("type", &self.event_type)?;
        check_name("correlationId", &self.correlation_id)?;
        check_name("aggregateId", &self.aggregate_id)?;
        self.source.as_deref().map_or(Ok(()), |source| check_name("source", source))?;
        if self.version == 0 {
            return Err(field("version", "versions count from 1"));
        }
        if !self.payload.get().starts_with('{') {
            return Err(field("payload", "must be a JSON object"));
        }
        Ok(())
    }

    /// The bytes that go on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and already valid JSON: nothing here can fail to serialise.
        serde_json::to_vec(self).expect("an envelope serialises")
    }
}

fn check_name(path: &str, value: &str) -> Result<(), EnvelopeError> {
    if value.is_empty() {
        return Err(field(path, "must not be empty"));
    }
    if value.len() > MAX_NAME {
        return Err(field(path, &format!("is {} bytes long; at most {MAX_NAME} are accepted", value.len())));
    }
    if value.chars().any(char::is_control) {
        return Err(field(path, "must not contain control characters"));
    }
    Ok(())
}

fn field(path: &str, problem: &str) -> EnvelopeError {
    EnvelopeError::Field { path: path.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"01990000-0000-7000-8000-000000000001","type":"order.placed","version":1,"timestamp":"2026-08-01T10:00:00Z","correlationId":"s","aggregateId":"o","payload":{"a":1}}"#;

    fn refused(json: &str) -> String {
        Envelope::parse(None, Some(json.as_bytes())).unwrap_err().to_string()
    }

    #[test]
    fn the_wire_format_is_pinned() {
        let envelope = Envelope::parse(Some(b"o"), Some(GOOD.as_bytes())).unwrap();
        assert_eq!(String::from_utf8(envelope.to_bytes()).unwrap(), GOOD);
    }

    #[test]
    fn unknown_fields_are_tolerated() {
        assert!(Envelope::parse(None, Some(GOOD.replacen('{', r#"{"later":true,"#, 1).as_bytes())).is_ok());
    }

    #[test]
    fn a_wrong_field_is_named() {
        assert!(refused(&GOOD.replace("\"version\":1", "\"version\":\"x\"")).starts_with("version:"));
        assert!(refused(&GOOD.replace("\"version\":1", "\"version\":0")).starts_with("version:"));
        assert!(refused(&GOOD.replace("\"type\":\"order.placed\",", "")).contains("type"));
        assert!(refused(&GOOD.replace("{\"a\":1}", "[]")).starts_with("payload:"));
        assert!(refused(&GOOD.replace("\"aggregateId\":\"o\"", "\"aggregateId\":\"\"")).starts_with("aggregateId:"));
        assert!(refused(&GOOD.replace("2026-08-01T10:00:00Z", "yesterday")).starts_with("timestamp:"));
        assert!(refused(&format!("{GOOD} x")).starts_with("(end)"));
        assert!(refused("junk").contains("expected value"));
    }

    #[test]
    fn a_list_of_the_fields_values_is_no_envelope() {
        let list =
            r#"["01990000-0000-7000-8000-000000000001","order.placed",1,"2026-08-01T10:00:00Z","s","o",{"a":1}]"#;
        assert_eq!(refused(list), "(envelope): must be a JSON object");
        assert_eq!(refused(&format!("\n {list}")), "(envelope): must be a JSON object");
    }

    #[test]
    fn the_key_must_name_the_aggregate() {
        assert!(matches!(Envelope::parse(Some(b"p"), Some(GOOD.as_bytes())), Err(EnvelopeError::KeyMismatch { .. })));
        assert_eq!(Envelope::parse(None, None).unwrap_err(), EnvelopeError::Empty);
    }

    #[test]
    fn a_name_is_as_long_as_allowed_and_has_no_control_characters() {
        let with = |name: &str| GOOD.replace("\"aggregateId\":\"o\"", &format!("\"aggregateId\":\"{name}\""));
        let longest = "o".repeat(MAX_NAME);
        assert!(Envelope::parse(None, Some(with(&longest).as_bytes())).is_ok());
        assert!(refused(&with(&format!("{longest}o"))).starts_with("aggregateId: is 201 bytes long"));
        assert!(refused(&with("\\u0000")).starts_with("aggregateId: must not contain"));
        assert!(refused(&GOOD.replace("{\"id\"", "{\"source\":\"\",\"id\"")).starts_with("source:"));
    }
}

//! A message of a topic, as what it says of the choreography: its bytes go no further.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::field::JsonType;

/// What stands behind a topic's name where the dead letters of its readers are.
pub const DEAD_LETTERS: &str = ".dlq";
/// Longest names that are taken, in bytes: as the envelope has it.
const MAX_NAME: usize = 200;
/// Further fields of one payload are passed over.
const MOST_FIELDS: usize = 500;
/// Fields deeper than this are passed over.
const DEEPEST: usize = 16;

/// A message as it stands on a topic.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub payload: Option<&'a [u8]>,
    /// Names and values of its headers.
    pub headers: &'a [(String, Vec<u8>)],
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An event was published.
    Event(Box<EventFact>),
    /// A service gave a message up.
    DeadLetter {
        /// The topic of the message that was given up.
        topic: String,
        /// The consumer group that gave it up.
        group: String,
        /// Why.
        class: String,
        /// The event's type, if it had one.
        event: Option<String>,
        /// Where it stands.
        place: String,
    },
    /// It is no event.
    Invalid {
        /// The topic.
        topic: String,
        /// What is wrong with it; nothing of its content.
        problem: &'static str,
        /// Where it stands.
        place: String,
    },
}

/// An event, without what it says of its saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFact {
    /// The topic on which it stands.
    pub topic: String,
    /// Its type.
    pub event: String,
    /// Its payload's version.
    pub version: u32,
    /// The service that published it, by its own word.
    pub source: Option<String>,
    /// Its id.
    pub id: u128,
    /// The id of the event that led to it.
    pub cause: Option<u128>,
    /// Its payload's fields, by path, each with its type.
    pub fields: BTreeSet<(String, JsonType)>,
    /// Where it stands.
    pub place: String,
}

/// What is looked at of an envelope. Further fields are tolerated, as readers do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    id: Uuid,
    #[serde(rename = "type")]
    event: String,
    version: u32,
    aggregate_id: String,
    #[serde(default)]
    causation_id: Option<Uuid>,
    #[serde(default)]
    source: Option<String>,
    payload: Value,
}

/// What a message says.
pub fn read(message: &Message<'_>) -> Fact {
    let Message { topic, partition, offset, .. } = *message;
    let at = format!("at {topic}[{partition}]@{offset}");
    if let Some(of) = topic.strip_suffix(DEAD_LETTERS) {
        return dead_letter(message, of, at);
    }
    match event(message, &at) {
        Ok(event) => Fact::Event(Box::new(event)),
        Err(problem) => Fact::Invalid { topic: topic.to_owned(), problem, place: at },
    }
}

fn event(message: &Message<'_>, at: &str) -> Result<EventFact, &'static str> {
    let value = message.payload.filter(|bytes| !bytes.is_empty()).ok_or("it has no value")?;
    // Serde takes a list of the fields' values for an object, too.
    if value.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is no JSON object");
    }
    let envelope: Envelope = serde_json::from_slice(value).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "its envelope lacks a field, or has one of another type",
        _ => "it is no JSON",
    })?;
    let Envelope { id, event, version, aggregate_id, causation_id, source, payload } = envelope;
    let names = [Some(&event), Some(&aggregate_id), source.as_ref()];
    if !names.into_iter().flatten().all(|name| is_name(name)) {
        return Err("a name in its envelope is empty, too long, or has control characters");
    }
    if message.key.is_some_and(|key| key != aggregate_id.as_bytes()) {
        return Err("its key is not its aggregateId");
    }
    if !payload.is_object() {
        return Err("its payload is no JSON object");
    }
    let says_else = |name: &str, body: &str| header(message, name).is_some_and(|header| header != body);
    if says_else("event-type", &event) || says_else("event-version", &version.to_string()) {
        return Err("its headers say another type or version than it does");
    }
    let mut fields = BTreeSet::new();
    collect(&payload, "", 0, &mut fields);
    Ok(EventFact {
        topic: message.topic.to_owned(),
        version,
        source,
        id: id.as_u128(),
        cause: causation_id.map(|id| id.as_u128()),
        fields,
        place: format!("{at}, event {id}"),
        event,
    })
}

fn dead_letter(message: &Message<'_>, of: &str, place: String) -> Fact {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        event: String,
    }
    let named = |name: &str| header(message, name).filter(|name| is_name(name));
    let event = named("event-type").or_else(|| Some(serde_json::from_slice::<Typed>(message.payload?).ok()?.event));
    Fact::DeadLetter {
        topic: named("dead-letter-topic").unwrap_or_else(|| of.to_owned()),
        group: named("dead-letter-consumer-group").unwrap_or_else(|| "somebody".to_owned()),
        class: named("dead-letter-error-class").unwrap_or_else(|| "no reason".to_owned()),
        event: event.filter(|event| is_name(event)),
        place,
    }
}

/// A header's text; the last one counts.
fn header(message: &Message<'_>, name: &str) -> Option<String> {
    let (_, value) = message.headers.iter().rev().find(|(header, _)| header == name)?;
    String::from_utf8(value.clone()).ok()
}

/// As the envelope has it. What has control characters would write on an operator's terminal.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)
}

/// The fields of an object by path, as descriptions write them. A null is no field.
fn collect(value: &Value, path: &str, depth: usize, fields: &mut BTreeSet<(String, JsonType)>) {
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter().filter(|(name, _)| is_name(name)) {
                if fields.len() >= MOST_FIELDS {
                    return;
                }
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields.extend(JsonType::of(value).map(|of| (path.clone(), of)));
                collect(value, &path, depth + 1, fields);
            }
        }
        Value::Array(list) => {
            let path = format!("{path}[]");
            // Each kind of element has one path, so a long list adds little.
            for value in list {
                // What is in a list of objects has paths of its own.
                fields.extend(JsonType::of(value).filter(|_| !value.is_object()).map(|of| (path.clone(), of)));
                collect(value, &path, depth + 1, fields);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;

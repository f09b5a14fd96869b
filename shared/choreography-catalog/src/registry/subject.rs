//! What is to be in the registry: a subject for each type of events, with each schema that was ever published.

use std::{collections::BTreeMap, fmt};

use chrono::NaiveDate;

use super::message::message;
use crate::{
    CatalogError, EventVersion,
    compare::{EventRecord, Published, Revision},
};

/// A subject of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The type of events (Confluent's `RecordNameStrategy`): a topic has several, and a type keeps its name when its topic moves.
    pub name: String,
    /// Its schemas, in the order in which they were published.
    pub schemas: Vec<SubjectSchema>,
}

/// A schema of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectSchema {
    /// The type and the version of its payload.
    pub event: EventVersion,
    /// Which schema of this version it is, counted from 1.
    pub revision: usize,
    /// The JSON Schema of the whole message, in one piece.
    pub schema: String,
}

impl fmt::Display for SubjectSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, revision {}", self.event, self.revision)
    }
}

/// The subjects by their names. A schema that came back later is there once: a registry has each but once in a subject.
///
/// # Errors
/// A schema refers to something outside itself, or is not there. Its event is named.
pub fn subjects(published: &Published) -> Result<Vec<Subject>, CatalogError> {
    let mut by_name: BTreeMap<&str, Vec<(NaiveDate, SubjectSchema)>> = BTreeMap::new();
    for record in &published.record.events {
        let schemas = by_name.entry(&record.event).or_default();
        for (at, revision) in record.revisions.iter().enumerate() {
            schemas.push((revision.since, schema(published, record, at + 1, revision)?));
        }
    }
    Ok(by_name
        .into_iter()
        .map(|(name, schemas)| Subject { name: name.to_owned(), schemas: in_order(schemas) })
        .collect())
}

fn schema(
    published: &Published,
    record: &EventRecord,
    number: usize,
    revision: &Revision,
) -> Result<SubjectSchema, CatalogError> {
    let event = EventVersion::new(&record.event, record.version);
    let whole = match published.schema(revision) {
        Some(payload) => message(&event, payload),
        None => Err(format!("{} is not there", revision.schema)),
    };
    match whole {
        Ok(whole) => Ok(SubjectSchema { event, revision: number, schema: whole.to_string() }),
        Err(problem) => Err(CatalogError::Schema { event, problem }),
    }
}

fn in_order(mut schemas: Vec<(NaiveDate, SubjectSchema)>) -> Vec<SubjectSchema> {
    schemas.sort_by_key(|(since, of)| (*since, of.event.version, of.revision));
    let mut ordered: Vec<SubjectSchema> = Vec::new();
    for (_, schema) in schemas {
        if ordered.iter().all(|earlier| earlier.schema != schema.schema) {
            ordered.push(schema);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::compare::Record;

    /// A version's schemas: the day of each, and the kind of its field.
    type Dated<'a> = &'a [(&'a str, &'a str)];

    /// What was published: types in their versions.
    fn published(events: &[(&str, u32, Dated)]) -> Published {
        let mut published = Published::default();
        for (event, version, revisions) in events {
            let mut record =
                EventRecord { event: (*event).into(), version: *version, last_written: None, revisions: Vec::new() };
            for (at, (day, kind)) in revisions.iter().enumerate() {
                let file = format!("{event}.v{version}.r{}.json", at + 1);
                let schema: Value = json!({ "properties": { "amount": { "type": kind } } });
                published.schemas.insert(file.clone(), schema);
                record.revisions.push(Revision { since: day.parse().unwrap(), schema: file });
            }
            published.record.events.push(record);
        }
        published
    }

    fn order(subject: &Subject) -> Vec<(u32, usize)> {
        subject.schemas.iter().map(|schema| (schema.event.version, schema.revision)).collect()
    }

    #[test]
    fn a_type_is_a_subject_and_its_schemas_stand_as_they_were_published() {
        let first = [("2026-01-01", "string"), ("2026-01-03", "boolean")];
        let subjects = subjects(&published(&[
            ("loan.refused", 1, &[("2026-01-01", "string")]),
            ("loan.granted", 2, &[("2026-01-02", "integer")]),
            ("loan.granted", 1, &first),
        ]));
        let subjects = subjects.unwrap();
        let names: Vec<&str> = subjects.iter().map(|subject| &*subject.name).collect();
        assert_eq!(names, ["loan.granted", "loan.refused"]);
        assert_eq!(order(&subjects[0]), [(1, 1), (2, 1), (1, 2)]);
        let whole: Value = serde_json::from_str(&subjects[0].schemas[1].schema).unwrap();
        assert_eq!(whole["properties"]["payload"]["properties"]["amount"]["type"], "integer");
        assert_eq!(whole["properties"]["version"]["const"], 2);
    }

    #[test]
    fn a_schema_that_came_back_is_there_once() {
        let back = [("2026-01-01", "string"), ("2026-01-02", "integer"), ("2026-01-03", "string")];
        let subjects = subjects(&published(&[("loan.granted", 1, &back)])).unwrap();
        assert_eq!(order(&subjects[0]), [(1, 1), (1, 2)]);
    }

    #[test]
    fn a_schema_that_is_not_there_or_not_in_one_piece_is_named() {
        let mut missing = published(&[("loan.granted", 1, &[("2026-01-01", "string")])]);
        missing.schemas.clear();
        let said = subjects(&missing).unwrap_err().to_string();
        assert_eq!(said, "the schema of loan.granted version 1 can't be used: loan.granted.v1.r1.json is not there");
        let mut referring = published(&[("loan.granted", 1, &[("2026-01-01", "string")])]);
        referring.schemas.insert("loan.granted.v1.r1.json".into(), json!({ "$ref": "other.json" }));
        assert!(subjects(&referring).unwrap_err().to_string().contains("\"other.json\" is not among"));
        assert_eq!(subjects(&Published { record: Record::default(), ..missing }).unwrap(), []);
    }
}

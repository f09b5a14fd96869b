//! What was published when, and who read what of it: a folder with a record and each schema that was ever published.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use choreography_check::FieldType;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::{CatalogError, payloads};

/// The record's file; beside it stand the schemas that it names.
pub const RECORD: &str = "record.json";

/// What was published, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// The record.
    pub record: Record,
    /// The schemas by their files.
    pub schemas: BTreeMap<String, Value>,
}

/// What was published when, and who read what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Each version of each event.
    pub events: Vec<EventRecord>,
    /// Who read what when it was last published.
    pub readers: Vec<ReaderRecord>,
}

/// A version of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// The type.
    pub event: String,
    /// The version.
    pub version: u32,
    /// The day on which it was first seen that no service writes it any more; `None` while one does.
    pub last_written: Option<NaiveDate>,
    /// Its schemas, from the first to the last.
    pub revisions: Vec<Revision>,
}

/// A schema of a version, while it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// The day on which it was published.
    pub since: NaiveDate,
    /// Its file.
    pub schema: String,
}

/// What a service read of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderRecord {
    /// The service.
    pub service: String,
    /// The type.
    pub event: String,
    /// The version whose fields it reads.
    pub version: u32,
    /// The versions that it accepts.
    pub accepts: Vec<u32>,
    /// What it reads of `version`; `None` where it does not say, and may read all.
    #[serde(default, serialize_with = "as_words", skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<String, FieldType>>,
}

fn as_words<S: Serializer>(fields: &Option<BTreeMap<String, FieldType>>, serializer: S) -> Result<S::Ok, S::Error> {
    let words = fields.iter().flatten().map(|(path, field)| (path, field.to_string()));
    serializer.collect_map(words)
}

impl Published {
    /// Reads the folder; `None` where nothing was published yet.
    ///
    /// # Errors
    /// The record or a schema that it names can't be read, or does not have its format. The file is named.
    pub fn read(folder: &Path) -> Result<Option<Self>, CatalogError> {
        let path = folder.join(RECORD);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|source| CatalogError::Unreadable {
            path: path.clone(),
            source,
            advice: "see that it is there and can be read",
        })?;
        let record = parse(&path, &text)?;
        let files = record.events.iter().flat_map(|event| &event.revisions).map(|revision| &revision.schema);
        let schemas = files.map(|file| Ok((file.clone(), payloads::object(&folder.join(file))?)));
        let schemas = schemas.collect::<Result<_, CatalogError>>()?;
        Ok(Some(Self { record, schemas }))
    }

    /// The schema of a revision; its file was read with the record.
    pub(crate) fn schema(&self, revision: &Revision) -> Option<&Value> {
        self.schemas.get(&revision.schema)
    }
}

fn parse(path: &Path, text: &str) -> Result<Record, CatalogError> {
    let invalid = |problem| CatalogError::Invalid { path: PathBuf::from(path), problem };
    let mut json = serde_json::Deserializer::from_str(text);
    let record: Record = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| invalid(format!("{}: {}: take it as it was published", error.path(), error.inner())))?;
    if let Some(event) = record.events.iter().find(|event| event.revisions.is_empty()) {
        return Err(invalid(format!("{} version {} has no revisions", event.event, event.version)));
    }
    Ok(record)
}

//! A folder with one JSON file per event and version: schemas, or golden payloads.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{CatalogError, EventVersion};

/// What a folder has of each event and version.
pub type Payloads = BTreeMap<EventVersion, Value>;

/// Reads all `TYPE.vN.json` of a folder.
///
/// # Errors
/// The folder or a file can't be read, a file's name names no event and version, or it is no JSON object.
pub(crate) fn read(folder: &Path) -> Result<Payloads, CatalogError> {
    let unreadable = |source| CatalogError::Unreadable {
        path: folder.to_owned(),
        source,
        advice: "name a folder with a file per event and version (TYPE.vN.json)",
    };
    let mut read = Payloads::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let event = EventVersion::parse(name).ok_or_else(|| CatalogError::Invalid {
            path: path.clone(),
            problem: "the name says no event and version: call it TYPE.vN.json, such as loan.granted.v1.json".into(),
        })?;
        read.insert(event, object(&path)?);
    }
    Ok(read)
}

/// The JSON object in a file.
pub(crate) fn object(path: &Path) -> Result<Value, CatalogError> {
    let text = fs::read_to_string(path).map_err(|source| CatalogError::Unreadable {
        path: path.to_owned(),
        source,
        advice: "see that it is there and can be read",
    })?;
    let invalid = |problem| CatalogError::Invalid { path: path.to_owned(), problem };
    let json: Value = serde_json::from_str(&text).map_err(|error| invalid(format!("is no JSON: {error}")))?;
    if json.is_object() { Ok(json) } else { Err(invalid("must be a JSON object".into())) }
}

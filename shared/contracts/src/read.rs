//! From a payload's text to a struct, and to the place of what is wrong with it.

use serde::de::DeserializeOwned;

use crate::{ContractError, event::Payload, object::Object};

/// Reads one JSON object and nothing after it.
pub(crate) fn read<T: Payload>(payload: &str) -> Result<T, ContractError> {
    match serde_json::from_str::<Object<T>>(payload) {
        Ok(object) => Ok(object.0),
        Err(error) => Err(T::locate(payload).unwrap_or_else(|| ContractError::field("payload", error.to_string()))),
    }
}

/// Reads again, now noting the path: that costs too much to do it for payloads that are well.
/// `None` where the object is well and the text goes on after it.
pub(crate) fn locate<T: DeserializeOwned>(payload: &str) -> Option<ContractError> {
    let mut json = serde_json::Deserializer::from_str(payload);
    let error = serde_path_to_error::deserialize::<_, Object<T>>(&mut json).err()?;
    let path = place(error.path());
    let problem = error.into_inner().to_string();
    Some(match named_field(&problem) {
        Some((field, problem)) => ContractError::field(format!("{path}.{field}"), problem),
        None => ContractError::field(path, problem),
    })
}

fn place(path: &serde_path_to_error::Path) -> String {
    let path = match path.to_string().as_str() {
        "." => "payload".to_owned(),
        below => format!("payload.{below}"),
    };
    // Where the text breaks off between two fields, the place is the object that holds them.
    path.strip_suffix(".?").map_or(path.clone(), str::to_owned)
}

/// Serde reports these two at the object and names the field in the text alone.
fn named_field(problem: &str) -> Option<(&str, &'static str)> {
    [("missing field `", "is missing"), ("duplicate field `", "stands there twice")].into_iter().find_map(
        |(prefix, problem_of_field)| {
            let (field, _) = problem.strip_prefix(prefix)?.split_once('`')?;
            Some((field, problem_of_field))
        },
    )
}

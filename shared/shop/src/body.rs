//! Clients' requests, read strictly: what is wrong is named by its path, and every refusal is a problem.

use std::convert::Infallible;

use axum::{
    extract::{DefaultBodyLimit, FromRequest, Request, rejection::StringRejection},
    http::StatusCode,
};
use choreography::{Problem, ProblemType};
use serde::de::DeserializeOwned;

/// A request's body of at most so many bytes, or why it could not be read (too long, not UTF-8): for handlers to take as an
/// argument.
pub struct Body<const MOST: usize>(Result<String, StringRejection>);

impl<S: Send + Sync, const MOST: usize> FromRequest<S> for Body<MOST> {
    type Rejection = Infallible;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Infallible> {
        // Here and not as a layer, which would be boxed on each route and cloned for each request.
        DefaultBodyLimit::max(MOST).apply(&mut request);
        Ok(Self(String::from_request(request, state).await))
    }
}

/// The place of a problem that belongs to no field.
const WHOLE: &str = "(body)";

/// Reads a body that is one JSON object.
pub fn read<T: DeserializeOwned, const MOST: usize>(body: Body<MOST>) -> Result<T, Problem> {
    let body = body.0.map_err(|rejection| {
        let too_long = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let kind = if too_long { ProblemType::TOO_LARGE } else { ProblemType::MALFORMED };
        Problem::new(kind, rejection.body_text())
    })?;
    read_text(&body)
}

/// Like [`read`], of a text.
pub fn read_text<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    // Serde takes a list of the fields' values for an object too; their order is not part of any API here.
    if !body.trim_start().starts_with('{') {
        return Err(Problem::field(WHOLE, format!("{WHOLE}: must be a JSON object")));
    }
    // Following the path costs as much as reading: only a body that is wrong is read a second time.
    serde_json::from_str(body).or_else(|_| read_following_the_path(body))
}

fn read_following_the_path<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_str(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, problem) = located(&error.path().to_string(), &error.inner().to_string());
        Problem::field(path.clone(), format!("{path}: {problem}"))
    })?;
    json.end().map_err(|error| Problem::field(WHOLE, format!("{WHOLE}: {error}")))?;
    Ok(value)
}

/// Serde reports a missing field at the object that lacks it and names it in the text alone.
fn located(path: &str, problem: &str) -> (String, String) {
    let object = path.trim_end_matches('?').trim_end_matches('.');
    let missing = problem.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    match (object, missing) {
        ("", Some((field, _))) => (field.to_owned(), "is missing".to_owned()),
        (object, Some((field, _))) => (format!("{object}.{field}"), "is missing".to_owned()),
        ("", None) => (WHOLE.to_owned(), problem.to_owned()),
        (object, None) => (object.to_owned(), problem.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "list")]
        _list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "count")]
        _count: u32,
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let cases = [
            (r#"{"list":[{"count":1}]}"#, None),
            (r#"{"list":[{"count":1},{"count":-1}]}"#, Some("list[1].count")),
            (r#"{"list":[{}]}"#, Some("list[0].count")),
            (r#"{"list":[{"count":1,"more":2}]}"#, Some("list[0].more")),
            (r#"{}"#, Some("list")),
            (r#"{"list":[]"#, Some(WHOLE)),
            (r#"{"list":[]} x"#, Some(WHOLE)),
            (r#"[[]]"#, Some(WHOLE)),
            ("", Some(WHOLE)),
        ];
        for (body, expected) in cases {
            let field = read_text::<Outer>(body).err().and_then(|problem| problem.field);
            assert_eq!(field.as_deref(), expected, "{body}");
        }
    }
}

//! What a response says: an answer, or why it is none.

use reqwest::{Response, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};

use crate::ProviderError;

/// The code by which the server itself says "no such key"; a bare 404 may come from a wrong path or a proxy.
const NOT_FOUND: &str = "not_found";
/// The code by which the server says that the key stands for another request; any other 409 is about one under way.
const KEY_CONFLICT: &str = "key_conflict";
/// As much of a foreign body as a log line or an alert can bear.
const SHOWN: usize = 300;

#[derive(Deserialize)]
struct Problem {
    error: ProblemDetail,
}

#[derive(Deserialize)]
struct ProblemDetail {
    #[serde(default)]
    code: String,
    #[serde(default)]
    field: Option<String>,
    message: String,
}

/// `None`: the server says that it does not know the key.
pub(crate) async fn answer<A: DeserializeOwned>(response: Response, limit: usize) -> Result<Option<A>, ProviderError> {
    let status = response.status();
    let body = bytes(response, limit).await?;
    if status == StatusCode::OK {
        // Serde takes a list of the fields' values for an object too; their order is in no contract.
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(ProviderError::Malformed(format!("it is no JSON object; it begins with {}", beginning(&body))));
        }
        return serde_json::from_slice(&body)
            .map(Some)
            .map_err(|e| ProviderError::Malformed(format!("{e}; it begins with {}", beginning(&body))));
    }
    let problem = serde_json::from_slice::<Problem>(&body).ok().map(|p| p.error);
    if status == StatusCode::NOT_FOUND && problem.as_ref().is_some_and(|p| p.code == NOT_FOUND) {
        return Ok(None);
    }
    Err(no_answer(status, problem, &body))
}

fn no_answer(status: StatusCode, problem: Option<ProblemDetail>, body: &[u8]) -> ProviderError {
    let conflicts = problem.as_ref().is_some_and(|problem| problem.code == KEY_CONFLICT);
    let text = match problem {
        Some(ProblemDetail { field: Some(field), message, .. }) => shortened(&format!("{field}: {message}")),
        Some(ProblemDetail { message, .. }) => shortened(&message),
        None => beginning(body),
    };
    let status = status.as_u16();
    match status {
        409 if !conflicts => ProviderError::InProgress { message: text },
        408 | 425 | 429 | 500.. => ProviderError::Server { status, body: text },
        400..500 => ProviderError::Refused { status, message: text },
        _ => ProviderError::Malformed(format!("status {status}, which the contract does not have")),
    }
}

async fn bytes(mut response: Response, limit: usize) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| broken(&e))? {
        if body.len() + chunk.len() > limit {
            return Err(ProviderError::Malformed(format!("it is longer than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(crate) fn broken(error: &reqwest::Error) -> ProviderError {
    if error.is_timeout() {
        return ProviderError::TimedOut;
    }
    // reqwest's own text names only the URL; the reason is the innermost source.
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    ProviderError::Unreachable(innermost.to_string())
}

fn beginning(body: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(&body[..body.len().min(SHOWN * 4)]))
}

fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

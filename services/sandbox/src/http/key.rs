//! The idempotency key of a request.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use super::{problem::Problem, text};

const HEADER: &str = "Idempotency-Key";

/// The key in a POST's header.
pub(crate) struct IdempotencyKey(pub(crate) String);

/// The key in a path.
pub(crate) struct KeyInPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let header = parts.headers.get(HEADER).ok_or_else(|| Problem::malformed(HEADER, "this header is missing"))?;
        let key = header.to_str().map_err(|_| Problem::malformed(HEADER, "must be printable ASCII"))?;
        fit(key).map(IdempotencyKey)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for KeyInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(key) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|e| Problem::malformed(HEADER, e.body_text()))?;
        fit(&key).map(KeyInPath)
    }
}

fn fit(key: &str) -> Result<String, Problem> {
    if let Some(why) = text::unfit(key) {
        return Err(Problem::malformed(HEADER, why));
    }
    // What is left out would not survive a URL: a key "..", for one, could be charged but never asked for.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/');
    if !key.bytes().all(plain) || !key.as_bytes()[0].is_ascii_alphanumeric() {
        return Err(Problem::malformed(HEADER, "must be letters, digits, - _ . : / and begin with a letter or digit"));
    }
    Ok(key.to_owned())
}

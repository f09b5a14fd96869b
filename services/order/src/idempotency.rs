//! Idempotency keys: what makes two requests the same one.

use api::Caller;
use axum::http::HeaderMap;
use engine::problem::Problem;
use serde::Serialize;
use sha2::{Digest, Sha256};

const MAX_KEY: usize = 200;
/// Stands between caller and key; a key can't contain it, so no two pairs are written the same.
const SEPARATOR: char = '\u{1f}';

/// The request's key, scoped by its caller; `None` without an `Idempotency-Key` header.
///
/// The caller is the token's subject. Where no tokens are asked for he is named by `X-Client-Id`; without it, all
/// callers share one scope.
pub fn request_key(caller: &Caller, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let named = visible(headers, "X-Client-Id")?;
    let scope = caller.subject().or(named).unwrap_or("anonymous");
    let key = visible(headers, "Idempotency-Key")?;
    Ok(key.map(|key| format!("{scope}{SEPARATOR}{key}")))
}

fn visible<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text))
        }
        _ => Err(Problem::field(name, format!("{name}: must be 1 to {MAX_KEY} visible ASCII characters"))),
    }
}

/// What two bodies with the same meaning have in common, whatever their white space or the order of their fields.
pub fn body_hash(body: &impl Serialize) -> Vec<u8> {
    let canonical = serde_json::to_vec(body).unwrap_or_default();
    Sha256::digest(&canonical).to_vec()
}

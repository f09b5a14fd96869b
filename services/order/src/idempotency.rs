//! Idempotency keys: what makes two requests the same one.

use api::Caller;
use axum::http::HeaderMap;
use choreography::Problem;
use serde::Serialize;
use sha2::{Digest, Sha256};

const MAX_KEY: usize = 200;
/// Stands between caller and key; a key can't contain it, so no two pairs are written the same.
const SEPARATOR: char = '\u{1f}';

/// The request's key, scoped by its caller; `None` without an `Idempotency-Key` header.
///
/// The caller is the token's subject. Where no tokens are asked for they are named by `X-Client-Id`; without it, all
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

/// A hash that is the same for bodies with the same meaning, whatever their white space or the order of their fields.
pub fn body_hash(body: &impl Serialize) -> Vec<u8> {
    let canonical = serde_json::to_vec(body).unwrap_or_default();
    Sha256::digest(&canonical).to_vec()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |value: &str| HeaderValue::from_bytes(value.as_bytes()).unwrap();
        pairs.iter().map(|(name, text)| (name.parse::<HeaderName>().unwrap(), value(text))).collect()
    }

    fn bearer(subject: &str) -> Caller {
        Caller::Bearer { subject: subject.into(), scopes: Vec::new() }
    }

    #[test]
    fn a_key_belongs_to_the_tokens_subject_else_to_the_client_that_names_itself() {
        let key = |caller: &Caller, pairs: &[(&'static str, &str)]| request_key(caller, &headers(pairs)).unwrap();
        let named = [("X-Client-Id", "web"), ("Idempotency-Key", "k")];
        assert_eq!(key(&bearer("ada"), &named).as_deref(), Some("ada\u{1f}k"));
        assert_eq!(key(&Caller::Anyone, &named).as_deref(), Some("web\u{1f}k"));
        assert_eq!(key(&Caller::Anyone, &named[1..]).as_deref(), Some("anonymous\u{1f}k"));
        assert_eq!(key(&bearer("ada"), &named[..1]), None);
    }

    #[test]
    fn a_key_is_short_visible_text() {
        let field = |value: &str| {
            let headers = headers(&[("Idempotency-Key", value)]);
            request_key(&Caller::Anyone, &headers).err().and_then(|problem| problem.field)
        };
        for fit in ["k", &"k".repeat(MAX_KEY)] {
            assert_eq!(field(fit), None, "{fit}");
        }
        for unfit in ["", "two words", "ü", &"k".repeat(MAX_KEY + 1)] {
            assert_eq!(field(unfit).as_deref(), Some("Idempotency-Key"), "{unfit}");
        }
        let unnamed = request_key(&Caller::Anyone, &headers(&[("X-Client-Id", ""), ("Idempotency-Key", "k")]));
        assert_eq!(unnamed.err().and_then(|problem| problem.field).as_deref(), Some("X-Client-Id"));
    }

    #[test]
    fn bodies_are_the_same_if_they_mean_the_same() {
        assert_eq!(body_hash(&("a", 1)), body_hash(&("a", 1)));
        assert_ne!(body_hash(&("a", 1)), body_hash(&("a", 2)));
        assert_eq!(body_hash(&1).len(), 32);
    }
}

//! Keys that come from an identity provider or a file, and change there; and what is no key at all.

use std::{
    future::Future,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use api::{Caller, Freshness, KeyError, Keys, Refused};
use axum::{Router, http::StatusCode, routing::get};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use provision::token::{Bearer, new_signing_key, public_keys, sign};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(30);
/// Looked at as often as can be.
const QUICK: Freshness = Freshness { refresh: Duration::from_millis(20), patience: Duration::from_millis(100), ..SLOW };
/// Looked at when a token asks for it, and not by themselves.
const SLOW: Freshness = Freshness {
    refresh: Duration::from_secs(3600),
    max_age: Duration::from_secs(3600),
    patience: Duration::from_secs(10),
};
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Hands out keys, or fails while it has none, and counts how often it is asked.
#[derive(Clone, Default)]
struct Provider {
    keys: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn serve(&self) -> String {
        let provider = self.clone();
        let answer = move || {
            let provider = provider.clone();
            async move {
                provider.asked.fetch_add(1, Ordering::Relaxed);
                let keys = provider.keys.lock().unwrap().clone();
                keys.ok_or((StatusCode::INTERNAL_SERVER_ERROR, "not yet"))
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, Router::new().route("/keys/jwks.json", get(answer))).into_future());
        format!("http://{address}/keys/jwks.json")
    }

    fn publish(&self, signing_key: &str) {
        *self.keys.lock().unwrap() = Some(public_keys(signing_key).unwrap());
    }

    fn list(&self, keys: &[Value]) {
        *self.keys.lock().unwrap() = Some(json!({ "keys": keys }).to_string());
    }

    fn fail(&self) {
        *self.keys.lock().unwrap() = None;
    }
}

fn bearer(user: &str) -> Bearer {
    Bearer {
        user: user.into(),
        scopes: vec!["back-office".into()],
        issuer: "provider".into(),
        audience: "shop".into(),
        lifetime: TimeDelta::minutes(5),
    }
}

fn token(signing_key: &str) -> String {
    sign(signing_key, &bearer("ada")).unwrap()
}

/// Like [`token`], from a provider that names no keys.
fn nameless_token(signing_key: &str) -> String {
    let claims = json!({
        "sub": "ada", "iss": "provider", "aud": "shop", "exp": chrono::Utc::now().timestamp() + 300,
        "scope": "back-office",
    });
    let key = EncodingKey::from_ec_pem(signing_key.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
}

fn ada() -> Result<Caller, Refused> {
    Ok(Caller::Bearer { subject: "ada".into(), scopes: vec!["back-office".into()] })
}

/// A key as an identity provider lists it, under a name or without one.
fn listed(signing_key: &str, name: Option<&str>) -> Value {
    let mut set: Value = serde_json::from_str(&public_keys(signing_key).unwrap()).unwrap();
    let mut key = set["keys"][0].take();
    key["kid"] = name.into();
    key
}

/// Waits until something is so; a time-out says what was seen last.
async fn until<T: PartialEq + std::fmt::Debug, F: Future<Output = T>>(what: &str, expected: T, look: impl Fn() -> F) {
    let since = Instant::now();
    loop {
        let seen = look().await;
        if seen == expected {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "not seen: {what}; last seen: {seen:?}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Refused, whatever the words.
async fn is_refused(keys: &Keys, token: &str) -> bool {
    matches!(keys.caller(token).await, Err(Refused::Token(_)))
}

#[tokio::test]
async fn a_service_starts_without_its_identity_provider_and_a_failure_is_not_for_ever() {
    let (provider, key) = (Provider::default(), new_signing_key().unwrap());
    let keys = Keys::from_url(&provider.serve().await, SLOW, "provider", "shop").unwrap();
    assert_eq!(keys.caller(&token(&key)).await, Err(Refused::NoKeys));
    provider.publish(&key);
    // It asks again, but not with every token.
    until("a caller", ada(), || async { keys.caller(&token(&key)).await }).await;
    let asked = provider.asked.load(Ordering::Relaxed);
    assert!(asked <= 3, "asked {asked} times");
}

#[tokio::test]
async fn what_another_key_signed_makes_no_service_ask_without_end() {
    let (provider, key, other) = (Provider::default(), new_signing_key().unwrap(), new_signing_key().unwrap());
    provider.publish(&key);
    let keys = Keys::from_url(&provider.serve().await, SLOW, "provider", "shop").unwrap();
    for _ in 0..20 {
        assert!(is_refused(&keys, &token(&other)).await);
    }
    assert_eq!(provider.asked.load(Ordering::Relaxed), 1);
    assert_eq!(keys.caller(&token(&key)).await, ada());
}

#[tokio::test]
async fn a_withdrawn_key_opens_nothing_once_the_keys_were_looked_at_again() {
    let (provider, old, new) = (Provider::default(), new_signing_key().unwrap(), new_signing_key().unwrap());
    provider.list(&[listed(&old, Some("old")), listed(&new, Some("new"))]);
    let keys = Arc::new(Keys::from_url(&provider.serve().await, QUICK, "provider", "shop").unwrap());
    keys.keep_fresh();
    let bearer = nameless_token(&old);
    until("the first keys", ada(), || async { keys.caller(&bearer).await }).await;
    assert!(keys.remembered(&bearer).is_some());
    provider.list(&[listed(&new, Some("new"))]);
    // What is remembered goes with the key; no request with an unknown key is needed for that.
    until("nothing is remembered", true, || async { keys.remembered(&bearer).is_none() }).await;
    assert!(is_refused(&keys, &bearer).await);
    assert_eq!(keys.caller(&nameless_token(&new)).await, ada());
}

#[tokio::test]
async fn keys_that_cannot_be_looked_at_for_too_long_open_nothing() {
    let (provider, key) = (Provider::default(), new_signing_key().unwrap());
    provider.publish(&key);
    let brief = Freshness { max_age: Duration::from_millis(300), ..QUICK };
    let keys = Arc::new(Keys::from_url(&provider.serve().await, brief, "provider", "shop").unwrap());
    keys.keep_fresh();
    until("the first keys", ada(), || async { keys.caller(&token(&key)).await }).await;
    provider.fail();
    until("no key is trusted", Err(Refused::NoKeys), || async { keys.caller(&token(&key)).await }).await;
    assert_eq!(keys.remembered(&token(&key)), None);
    provider.publish(&key);
    until("the keys are back", ada(), || async { keys.caller(&token(&key)).await }).await;
}

#[tokio::test]
async fn keys_rotate_without_names() {
    let (provider, old, new) = (Provider::default(), new_signing_key().unwrap(), new_signing_key().unwrap());
    provider.list(&[listed(&old, None), listed(&new, None)]);
    let keys = Keys::from_url(&provider.serve().await, SLOW, "provider", "shop").unwrap();
    for key in [&old, &new] {
        assert_eq!(keys.caller(&nameless_token(key)).await, ada());
        assert_eq!(keys.caller(&token(key)).await, ada(), "a token that names its key, of a set that does not");
    }
    assert!(is_refused(&keys, &nameless_token(&new_signing_key().unwrap())).await);
}

#[tokio::test]
async fn a_key_that_comes_later_is_found_with_the_first_token_it_signed() {
    for name in [None, Some("shop")] {
        let (provider, old, new) = (Provider::default(), new_signing_key().unwrap(), new_signing_key().unwrap());
        provider.list(&[listed(&old, name)]);
        let keys =
            Keys::from_url(&provider.serve().await, Freshness { patience: QUICK.patience, ..SLOW }, "provider", "shop")
                .unwrap();
        assert_eq!(keys.caller(&token(&old)).await, ada());
        // Even where it comes under the old one's name.
        provider.list(&[listed(&new, name)]);
        until("the new key", ada(), || async { keys.caller(&token(&new)).await }).await;
        assert!(is_refused(&keys, &token(&old)).await);
    }
}

#[tokio::test]
async fn an_odd_key_does_not_spoil_the_set() {
    let (provider, key) = (Provider::default(), new_signing_key().unwrap());
    let odd = json!({ "kty": "EC", "crv": "brainpoolP256r1", "kid": "odd", "x": "AA", "y": "AA" });
    let unheard_of = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" });
    provider.list(&[odd, unheard_of, json!(7), listed(&key, Some("shop"))]);
    let keys = Keys::from_url(&provider.serve().await, SLOW, "provider", "shop").unwrap();
    assert_eq!(keys.caller(&token(&key)).await, ada());
}

#[tokio::test]
async fn keys_in_a_file_are_read_again() {
    let path = file("rotated");
    let (old, new) = (new_signing_key().unwrap(), new_signing_key().unwrap());
    std::fs::write(&path, public_keys(&old).unwrap()).unwrap();
    let keys = Arc::new(Keys::from_file(&path, QUICK, "provider", "shop").unwrap());
    keys.keep_fresh();
    assert_eq!(keys.caller(&token(&old)).await, ada());
    std::fs::write(&path, "torn").unwrap();
    assert_eq!(keys.caller(&token(&old)).await, ada(), "what can't be read changes nothing");
    std::fs::write(&path, public_keys(&new).unwrap()).unwrap();
    until("the new key", ada(), || async { keys.caller(&token(&new)).await }).await;
    assert!(is_refused(&keys, &token(&old)).await);
    std::fs::remove_file(path).unwrap();
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("api-keys-{name}-{}.json", std::process::id()))
}

#[test]
fn what_holds_no_public_keys_is_refused_by_its_name() {
    let dir = std::env::temp_dir().join(format!("api-keys-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let refused = |text: &str| {
        let path = dir.join("jwks.json");
        std::fs::write(&path, text).unwrap();
        Keys::from_file(&path, SLOW, "provider", "shop").err().map(|problem| problem.to_string()).unwrap_or_default()
    };
    for text in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2hhcmVk","alg":"HS256"}]}"#] {
        assert!(refused(text).contains("jwks.json is no JSON Web Key Set"), "{text}: {}", refused(text));
    }
    std::fs::remove_dir_all(&dir).unwrap();
    let missing = Keys::from_file(&dir.join("nowhere"), SLOW, "provider", "shop").err();
    assert!(matches!(missing, Some(KeyError::Unreadable { .. })));
    assert!(matches!(Keys::from_url("idp", SLOW, "provider", "shop"), Err(KeyError::Url(_))));
}

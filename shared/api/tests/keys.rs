//! Keys that come from an identity provider, and what is no key at all.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use api::{Caller, KeyProblem, Keys, Refused};
use axum::{Router, http::StatusCode, routing::get};
use chrono::TimeDelta;
use provision::token::{Bearer, new_signing_key, public_keys, sign};
use tokio::net::TcpListener;

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
}

fn token(signing_key: &str) -> String {
    let bearer = Bearer {
        user: "ada".into(),
        scopes: vec!["back-office".into()],
        issuer: "provider".into(),
        audience: "shop".into(),
        lifetime: TimeDelta::minutes(5),
    };
    sign(signing_key, &bearer).unwrap()
}

#[tokio::test]
async fn keys_are_fetched_with_the_first_token_and_a_failure_is_not_for_ever() {
    let (provider, key) = (Provider::default(), new_signing_key().unwrap());
    let keys = Keys::from_url(&provider.serve().await, "provider", "shop").unwrap();
    assert_eq!(provider.asked.load(Ordering::Relaxed), 0, "a service starts without its identity provider");
    assert_eq!(keys.caller(&token(&key)).await, Err(Refused::NoKeysYet));
    provider.publish(&key);
    let mut answer = keys.caller(&token(&key)).await;
    // It asks again, but not with every token.
    while answer == Err(Refused::NoKeysYet) {
        tokio::task::yield_now().await;
        answer = keys.caller(&token(&key)).await;
    }
    assert_eq!(answer, Ok(Caller::Bearer { subject: "ada".into(), scopes: vec!["back-office".into()] }));
    let asked = provider.asked.load(Ordering::Relaxed);
    assert!(asked <= 3, "asked {asked} times");
}

#[tokio::test]
async fn what_another_key_signed_makes_nobody_ask_without_end() {
    let (provider, key, other) = (Provider::default(), new_signing_key().unwrap(), new_signing_key().unwrap());
    provider.publish(&key);
    let keys = Keys::from_url(&provider.serve().await, "provider", "shop").unwrap();
    for _ in 0..20 {
        assert!(matches!(keys.caller(&token(&other)).await, Err(Refused::Token(_))));
    }
    assert_eq!(provider.asked.load(Ordering::Relaxed), 1);
    assert!(keys.caller(&token(&key)).await.is_ok());
}

#[test]
fn what_holds_no_public_keys_is_refused_by_its_name() {
    let dir = std::env::temp_dir().join(format!("api-keys-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let refused = |text: &str| {
        let path = dir.join("jwks.json");
        std::fs::write(&path, text).unwrap();
        Keys::from_file(&path, "provider", "shop").err().map(|problem| problem.to_string()).unwrap_or_default()
    };
    for text in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2hhcmVk","alg":"HS256"}]}"#] {
        assert!(refused(text).contains("jwks.json is no JSON Web Key Set"), "{text}: {}", refused(text));
    }
    std::fs::remove_dir_all(&dir).unwrap();
    let missing = Keys::from_file(&dir.join("nowhere"), "provider", "shop").err();
    assert!(matches!(missing, Some(KeyProblem::Unreadable { .. })));
    assert!(matches!(Keys::from_url("idp", "provider", "shop"), Err(KeyProblem::Url(_))));
}

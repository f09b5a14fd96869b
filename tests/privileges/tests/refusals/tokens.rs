//! Tokens as the identity provider would issue them.

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use local::System;
use provision::token::{Bearer, sign};
use serde_json::Value;

pub fn bearer(user: &str, scopes: &[&str]) -> Bearer {
    Bearer {
        user: user.into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        issuer: "choreography".into(),
        audience: "shop".into(),
        lifetime: TimeDelta::hours(1),
    }
}

pub fn signed(system: &System, bearer: &Bearer) -> String {
    let path = system.secrets().expect("a secured system").join("operator/signing-key.pem");
    sign(&std::fs::read_to_string(path).expect("a key"), bearer).expect("a token")
}

/// These claims and no others, rightly signed.
pub fn signed_claims(system: &System, claims: &Value) -> String {
    let path = system.secrets().expect("a secured system").join("operator/signing-key.pem");
    let key = EncodingKey::from_ec_pem(&std::fs::read(path).expect("a key")).expect("a key");
    let header = Header { kid: Some("shop".into()), ..Header::new(Algorithm::ES256) };
    jsonwebtoken::encode(&header, claims, &key).expect("a token")
}

pub fn of(system: &System, user: &str, scopes: &[&str]) -> String {
    signed(system, &bearer(user, scopes))
}

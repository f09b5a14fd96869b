//! Tokens as the identity provider would issue them.

use chrono::TimeDelta;
use local::System;
use provision::token::{Bearer, sign};

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

pub fn of(system: &System, user: &str, scopes: &[&str]) -> String {
    signed(system, &bearer(user, scopes))
}

use std::{num::NonZeroU32, pin::pin};

use axum::{
    Router,
    body::Body,
    http::{StatusCode, header::RETRY_AFTER},
    routing::get,
};
use chrono::TimeDelta;
use provision::token::{Bearer, new_signing_key, public_keys, sign};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::*;
use crate::Freshness;

#[tokio::test]
async fn who_finds_no_place_is_told_to_come_again() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go_on) = (begun.clone(), go_on.clone());
        move || async move {
            begun.notify_one();
            go_on.notified().await;
        }
    };
    let gate = Gate { places: Arc::new(Semaphore::new(1)), ..Gate::open() };
    let api = Router::from(gate.before(Router::new().route("/", get(slow))));
    let ask = || api.clone().oneshot(Request::new(Body::empty()));
    let mut first = pin!(ask());
    tokio::select! {
        answer = &mut first => panic!("answered too soon: {answer:?}"),
        () = begun.notified() => {}
    }
    let second = ask().await.unwrap();
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(second.headers().contains_key(RETRY_AFTER));
    go_on.notify_one();
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
}

/// A gate that takes one bad token after the other, but few of them: hardly any attempt comes back in the meantime.
struct Guarded {
    api: Router,
    key: String,
}

const BURST: u32 = 30;

impl Guarded {
    fn new(test: &str, address_header: Option<HeaderName>) -> Self {
        let key = new_signing_key().unwrap();
        let path = std::env::temp_dir().join(format!("gate-{test}-{}.json", std::process::id()));
        std::fs::write(&path, public_keys(&key).unwrap()).unwrap();
        let keys = Keys::from_file(&path, Freshness::default(), "idp", "shop").unwrap();
        std::fs::remove_file(&path).unwrap();
        let attempts = Attempts::new(NonZeroU32::MIN, NonZeroU32::new(BURST).unwrap());
        let gate =
            Gate { keys: Some(Arc::new(keys)), attempts: Some(Arc::new(attempts)), address_header, ..Gate::open() };
        Self { api: gate.before(Router::new().route("/", get(|| async {}))).into(), key }
    }

    fn token(&self, user: &str) -> String {
        let (issuer, audience, lifetime) = ("idp".into(), "shop".into(), TimeDelta::minutes(5));
        sign(&self.key, &Bearer { user: user.into(), scopes: Vec::new(), issuer, audience, lifetime }).unwrap()
    }

    async fn asked(&self, peer: &str, token: Option<&str>, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 5000)));
        self.api.clone().oneshot(request).await.unwrap().status().as_u16()
    }
}

/// A second gives one attempt back, and the test may take some.
fn nearly(count: usize, expected: u32) -> bool {
    (expected as usize..expected as usize * 2).contains(&count)
}

#[tokio::test]
async fn a_flood_of_bad_tokens_is_refused_before_their_signatures_are_looked_at() {
    let guarded = Guarded::new("flood", None);
    let (ada, mallorys) = (guarded.token("ada"), Guarded::new("other", None).token("ada"));
    assert_eq!(guarded.asked("10.0.0.1", Some(&ada), &[]).await, 200);
    let mut looked_at = 0;
    for number in 0..2_000 {
        let token = [Some(mallorys.as_str()), Some("guess"), None][number % 3];
        match guarded.asked("10.0.0.1", token, &[]).await {
            401 => looked_at += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!(nearly(looked_at, BURST), "{looked_at} were looked at");
    assert_eq!(guarded.asked("10.0.0.1", Some(&ada), &[]).await, 200, "a token that held is known");
    assert_eq!(guarded.asked("10.0.0.2", Some(&guarded.token("bob")), &[]).await, 200, "from another address");
}

#[tokio::test]
async fn tokens_that_hold_cost_their_address_nothing() {
    let guarded = Guarded::new("good", None);
    for number in 0..BURST * 3 {
        assert_eq!(guarded.asked("10.0.0.1", Some(&guarded.token(&format!("user-{number}"))), &[]).await, 200);
    }
}

#[tokio::test]
async fn an_ipv6_network_counts_as_one_and_a_proxy_says_who_asks() {
    let networks = Guarded::new("networks", None);
    let mut looked_at = 0;
    for number in 0..500 {
        looked_at += usize::from(networks.asked(&format!("2001:db8::{number:x}"), None, &[]).await == 401);
    }
    assert!(nearly(looked_at, BURST), "{looked_at} were looked at");
    assert_eq!(networks.asked("2001:db8:0:1::1", None, &[]).await, 401);

    let proxied = Guarded::new("proxied", Some(HeaderName::from_static("x-forwarded-for")));
    let mut looked_at = 0;
    for number in 0..500 {
        // A value that the client sends itself stands before the one that the proxy adds.
        let from = format!("1.2.3.{}, 10.9.9.9", number % 250);
        looked_at += usize::from(proxied.asked("10.0.0.1", None, &[("x-forwarded-for", &from)]).await == 401);
    }
    assert!(nearly(looked_at, BURST), "{looked_at} were looked at");
    assert_eq!(proxied.asked("10.0.0.1", None, &[("x-forwarded-for", "10.9.9.8")]).await, 401);
    assert_eq!(proxied.asked("10.0.0.1", None, &[]).await, 401, "without the header, the peer's own address");
}

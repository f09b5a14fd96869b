//! What the client makes of a server's answers, good and bad.

use std::time::Duration;

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::{get, post},
};
use providers::{Limits, ProviderError, RestClient, SetupError};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch};

#[derive(Debug, PartialEq, Deserialize)]
struct Told {
    told: String,
}

fn told(text: &str) -> Told {
    Told { told: text.into() }
}

async fn client(routes: Router, timeout: Duration) -> RestClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().nest("/prefix", routes)).into_future());
    let limits = Limits { body_bytes: 1000, ..Limits::within(timeout) };
    RestClient::new(&url, Some(fixed("token")), limits).unwrap()
}

fn fixed(token: &str) -> watch::Receiver<SecretString> {
    watch::channel(token.into()).1
}

async fn patient(routes: Router) -> RestClient {
    client(routes, Duration::from_secs(60)).await
}

/// What a GET comes to, when the server answers so.
async fn on(status: u16, body: &'static str) -> Result<Option<Told>, ProviderError> {
    let answer = move || async move { (StatusCode::from_u16(status).unwrap(), body) };
    patient(Router::new().route("/a", get(answer))).await.get(&["a"]).await
}

#[tokio::test]
async fn an_answer_is_read_and_a_post_carries_key_and_token() {
    let echo = |headers: HeaderMap, body: String| async move {
        let header = |name: &str| headers[name].to_str().unwrap_or_default().to_owned();
        format!(r#"{{"told": "{} {} {}"}}"#, header("idempotency-key"), header("authorization"), body.len())
    };
    let client = patient(Router::new().route("/a", post(echo))).await;
    assert_eq!(client.post(&["a"], "o1/capture", &[1, 2]).await, Ok(told("o1/capture Bearer token 5")));
}

#[tokio::test]
async fn a_slash_in_a_key_stays_within_its_segment() {
    let echo = |Path(key): Path<String>| async move { format!(r#"{{"told": "{key}"}}"#) };
    let client = patient(Router::new().route("/a/{key}", get(echo))).await;
    assert_eq!(client.get(&["a", "o1/capture"]).await, Ok(Some(told("o1/capture"))));
}

#[tokio::test]
async fn only_the_servers_own_word_means_not_found() {
    assert_eq!(on(404, r#"{"error": {"code": "not_found", "message": "no such key"}}"#).await, Ok(None));
    let elsewhere = on(404, "<h1>404</h1>").await;
    assert_eq!(elsewhere, Err(ProviderError::Refused { status: 404, message: "<h1>404</h1>".into() }));
}

#[tokio::test]
async fn overload_and_faults_are_passing_and_a_wrong_request_is_not() {
    for status in [408, 425, 429, 500, 503] {
        let error = on(status, "busy").await.unwrap_err();
        assert_eq!(error, ProviderError::Server { status, body: "busy".into() });
        assert!(error.is_passing());
    }
    for status in [400, 401, 403, 422] {
        let error = on(status, r#"{"error": {"code": "c", "field": "amount", "message": "wrong"}}"#).await.unwrap_err();
        assert_eq!(error, ProviderError::Refused { status, message: "amount: wrong".into() });
        assert!(!error.is_passing());
    }
}

#[tokio::test]
async fn a_conflict_is_about_a_request_under_way_unless_the_key_stands_for_another() {
    let at_work = on(409, r#"{"error": {"code": "in_progress", "message": "a moment"}}"#).await.unwrap_err();
    assert_eq!(at_work, ProviderError::InProgress { message: "a moment".into() });
    assert!(at_work.is_passing());
    assert!(matches!(on(409, "busy").await, Err(ProviderError::InProgress { .. })));
    let other = on(409, r#"{"error": {"code": "key_conflict", "message": "another body"}}"#).await.unwrap_err();
    assert_eq!(other, ProviderError::Refused { status: 409, message: "another body".into() });
}

#[tokio::test]
async fn what_is_no_answer_of_the_contract_is_malformed() {
    const LONG: &str = match std::str::from_utf8(&[b' '; 1001]) {
        Ok(text) => text,
        Err(_) => "",
    };
    for (status, body) in [(200, "yes"), (200, "{}"), (200, r#"["a"]"#), (200, LONG), (202, r#"{"told": "a"}"#)] {
        let answer = on(status, body).await;
        assert!(matches!(answer, Err(ProviderError::Malformed(_))), "{status} {body}: {answer:?}");
    }
    let client = patient(Router::new().route("/a", get(|| async { Redirect::temporary("/b") }))).await;
    let redirected = client.get::<Told>(&["a"]).await;
    assert!(matches!(redirected, Err(ProviderError::Malformed(_))), "{redirected:?}");
}

#[tokio::test]
async fn silence_is_a_time_out_and_a_closed_port_is_unreachable() {
    let never = || async { std::future::pending::<()>().await };
    let client = client(Router::new().route("/a", get(never)), Duration::from_millis(100)).await;
    assert_eq!(client.get::<Told>(&["a"]).await, Err(ProviderError::TimedOut));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let absent = RestClient::new(&url, None, Limits::within(Duration::from_secs(60))).unwrap();
    let answer = absent.get::<Told>(&["a"]).await;
    assert!(matches!(answer, Err(ProviderError::Unreachable(_))), "{answer:?}");
}

#[test]
fn a_wrong_url_or_token_is_refused_when_the_client_is_made_and_https_is_taken() {
    let limits = Limits::within(Duration::from_secs(1));
    for url in ["", "127.0.0.1:7070", "ftp://a", "http://a/?b"] {
        let made = RestClient::new(url, None, limits);
        assert!(matches!(made, Err(SetupError::BaseUrl { .. })), "{url:?}");
    }
    let made = RestClient::new("https://example.com", Some(fixed("a\nb")), limits);
    assert!(matches!(made, Err(SetupError::Token { .. })));
    assert!(RestClient::new("https://example.com", None, limits).is_ok());
}

#[tokio::test]
async fn a_token_that_changes_is_sent_as_it_is_at_each_call() {
    let echo = |headers: HeaderMap| async move {
        format!(r#"{{"told": "{}"}}"#, headers["authorization"].to_str().unwrap_or_default())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/a", get(echo))).into_future());
    let (sender, token) = watch::channel("one".into());
    let client = RestClient::new(&url, Some(token), Limits::within(Duration::from_secs(60))).unwrap();
    assert_eq!(client.get(&["a"]).await, Ok(Some(told("Bearer one"))));
    sender.send_replace("two".into());
    assert_eq!(client.get(&["a"]).await, Ok(Some(told("Bearer two"))));
    sender.send_replace("t\nhree".into());
    let unfit = client.get::<Told>(&["a"]).await;
    assert!(matches!(unfit, Err(ProviderError::Unreachable(_))), "{unfit:?}");
    sender.send_replace("four".into());
    assert_eq!(client.get(&["a"]).await, Ok(Some(told("Bearer four"))));
}

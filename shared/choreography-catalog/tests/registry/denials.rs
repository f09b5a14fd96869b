//! What can't be used: nothing that answers, a wrong password, something else than a registry, an answer without end.

use std::{convert::Infallible, fs, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{Html, IntoResponse, Response},
};
use choreography_catalog::registry::{Limits, Options, RegisterReport, Registry, register as register_in};
use futures::stream;
use local::ports::free_port;

use crate::program::{Ran, folder, loans, register, register_as};

/// "ada:s3cret".
const ADA: &str = "Basic YWRhOnMzY3JldA==";
const UNKNOWN: &str = r#"{"error_code":40401,"message":"no such subject"}"#;

/// Starts a server that ends with the test, and gives its base URL.
async fn server(answer: impl Fn(Method, Uri, HeaderMap) -> Response + Clone + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .fallback(move |method: Method, uri: Uri, headers: HeaderMap| std::future::ready(answer(method, uri, headers)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A registry without any subject, as far as it is asked; all else is answered by `register`.
fn empty(method: &Method, uri: &Uri, register: impl Fn() -> Response) -> Response {
    match (method.as_str(), uri.path()) {
        ("GET", "/schemas/types") => r#"["JSON"]"#.into_response(),
        ("POST", path) if path.ends_with("/versions") => register(),
        _ => (StatusCode::NOT_FOUND, UNKNOWN).into_response(),
    }
}

/// The run could not be: nothing is said of what was done.
fn assert_unusable(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    for words in words {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let asked = format!("GET {url}/schemas/types: no answer: ");
    assert_unusable(&register(&url, &[]).await, &[&asked, "refused", "do: see that the registry runs there"]);
    let words = ["--registry: it holds a name or a password", "SCHEMA_REGISTRY_PASSWORD"];
    let ran = register("http://ada:s3cret@127.0.0.1:1", &[]).await;
    assert_unusable(&ran, &words);
    assert!(!ran.err.contains("s3cret"), "{ran:?}");
}

#[tokio::test]
async fn a_password_is_sent_and_never_said_and_a_wrong_one_is_denied() {
    let url = server(|method, uri, headers| {
        if headers.get("authorization").is_none_or(|sent| sent != ADA) {
            let denied = r#"{"error_code":40101,"message":"who are you?"}"#;
            return (StatusCode::UNAUTHORIZED, denied).into_response();
        }
        empty(&method, &uri, || StatusCode::IM_A_TEAPOT.into_response())
    })
    .await;
    let folder = folder("passwords");
    let [right, wrong] = ["s3cret", "s3crets"].map(|password| {
        let file = folder.join(password);
        fs::write(&file, format!("{password}\n")).unwrap();
        file
    });
    let words = ["/schemas/types: it answered 401 (error_code 40101): who are you?", "do: set SCHEMA_REGISTRY_USER"];
    assert_unusable(&register(&url, &[]).await, &words);
    let denied = register_as(Some(("ada", &wrong)), &url, &[]).await;
    assert_unusable(&denied, &words);
    assert!(!denied.err.contains("s3cret"), "{denied:?}");
    let known = register_as(Some(("ada", &right)), &url, &["--dry-run"]).await;
    assert_eq!(known.code, Some(0), "{known:?}");
    let nowhere = register_as(Some(("ada", &folder.join("nowhere"))), &url, &[]).await;
    assert_unusable(&nowhere, &["SCHEMA_REGISTRY_PASSWORD_FILE: ", "can't be read"]);
}

#[tokio::test]
async fn what_is_no_registry_is_told_from_one() {
    let page = server(|_, _, _| Html("<html><h1>It works!</h1></html>").into_response()).await;
    let words = ["this is no schema registry", "it begins with \"<html><h1>It works!", "do: give the address"];
    assert_unusable(&register(&page, &[]).await, &words);
    let moved = server(|_, _, _| (StatusCode::FOUND, [("location", "/login")]).into_response()).await;
    assert_unusable(&register(&moved, &[]).await, &["this is no schema registry", "302"]);
    let endless = server(|_, _, _| {
        let spaces = Bytes::from_static(&[b' '; 1 << 16]);
        Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(spaces.clone()))).into_response()
    })
    .await;
    assert_unusable(&register(&endless, &[]).await, &["its answer is longer than 4194304 bytes"]);
    let avro = server(|_, _, _| r#"["AVRO"]"#.into_response()).await;
    assert_unusable(&register(&avro, &[]).await, &["it takes AVRO, and no JSON Schema"]);
}

#[tokio::test]
async fn a_schema_that_the_registry_calls_invalid_is_refused_and_one_that_it_fails_on_ends_the_run() {
    let loans = loans("invalid", &["integer", "string"]);
    let arguments = ["--published", loans.to_str().unwrap()];
    let invalid = server(|method, uri, _| {
        let words = r#"{"error_code":42201,"message":"Invalid schema"}"#;
        empty(&method, &uri, || (StatusCode::UNPROCESSABLE_ENTITY, words).into_response())
    })
    .await;
    let ran = register(&invalid, &arguments).await;
    assert_eq!((ran.code, &*ran.err), (Some(1), ""), "{ran:?}");
    let words = "loan.granted version 1, revision 1: refused in subject loan.granted: the registry answered 422 (error_code 42201): ";
    assert!(ran.out.starts_with(words) && ran.out.contains("do: see what the registry takes"), "{ran:?}");
    let failing = server(|method, uri, _| empty(&method, &uri, || StatusCode::BAD_GATEWAY.into_response())).await;
    let words = "/subjects/loan.granted/versions (loan.granted version 1, revision 1): it answered 502: ";
    assert_unusable(&register(&failing, &arguments).await, &[words, "do: look into the registry's log"]);
}

#[tokio::test]
async fn what_was_done_before_a_failure_is_said() {
    let loans = loans("half", &["integer", "string"]);
    let url = server(|method, uri, _| match (method.as_str(), uri.path()) {
        ("GET", "/schemas/types") => r#"["JSON"]"#.into_response(),
        ("POST", "/subjects/loan.granted") => r#"{"id":7,"version":1}"#.into_response(),
        _ => StatusCode::BAD_GATEWAY.into_response(),
    })
    .await;
    let arguments = ["--published", loans.to_str().unwrap()];
    assert_eq!(register(&url, &arguments).await.code, Some(0), "all is there already");

    // The first of the two is registered; then the registry fails.
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let url = server(move |method, uri, _| {
        empty(&method, &uri, || match seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => r#"{"id":7}"#.into_response(),
            _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        })
    })
    .await;
    let ran = register(&url, &arguments).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.out.starts_with("loan.granted version 1, revision 1: registered in subject loan.granted, id 7\n"),
        "{ran:?}"
    );
    assert!(ran.err.contains("(loan.granted version 2, revision 1): it answered 500: without a word"), "{ran:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let limits = Limits { request: Duration::from_millis(200), ..Limits::default() };
    let registry = Registry::at(&url, None, limits).unwrap();
    let mut report = RegisterReport::default();
    let ended = register_in(&registry, &[], Options::default(), &mut report).await;
    let said = ended.unwrap_err().to_string();
    assert!(said.starts_with(&format!("GET {url}/schemas/types: no answer: the time limit is over")), "{said}");
}

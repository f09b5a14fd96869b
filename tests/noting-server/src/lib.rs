//! A server that answers everything alike, and notes what it is asked.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, body::to_bytes, extract::Request};

/// More than any request that is tried.
const MAX_BODY: usize = 10_000;

/// What it was asked, in order. Clones are the same notes.
#[derive(Clone, Default)]
pub struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    /// A line per request: method, path, idempotency key (`-` without one), body.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn note(&self, request: Request) {
        let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("-");
        let line = format!("{} {} {key}", request.method(), request.uri().path());
        let body = to_bytes(request.into_body(), MAX_BODY).await.expect("a body");
        let line = format!("{line} {}", String::from_utf8_lossy(&body)).trim().to_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Starts a server that ends with the test, and gives its base URL. `answer` is the JSON of every answer.
pub async fn start(answer: &'static str) -> (String, Asked) {
    let asked = Asked::default();
    let notes = asked.clone();
    let reply = move |request: Request| {
        let notes = notes.clone();
        async move {
            notes.note(request).await;
            ([("content-type", "application/json")], answer)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(reply)).await });
    (format!("http://{address}"), asked)
}

use axum::{
    Json,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// A request that got no answer of the contract, as `{"error": {"code", "field"?, "message"}}`.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Detail,
}

#[derive(Debug, Serialize)]
struct Detail {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    message: String,
}

#[derive(Serialize)]
struct Wire {
    error: Detail,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Problem { status, detail: Detail { code, field: None, message: message.into() } }
    }

    pub(crate) fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", message);
        problem.detail.field = Some(field.into());
        problem
    }

    pub(crate) fn not_found(what: &str, key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("no {what} under the key {key}"))
    }

    pub(crate) fn key_conflict() -> Self {
        let message = "this Idempotency-Key was used with another body; take a new key for a new request";
        Self::new(StatusCode::CONFLICT, "key_conflict", message)
    }

    pub(crate) fn in_progress() -> Self {
        let message = "an earlier request under this key is still worked on; ask again soon";
        Self::new(StatusCode::CONFLICT, "in_progress", message)
    }

    pub(crate) fn unavailable(code: &'static str, message: &str) -> Self {
        let message = format!("{message}; nothing was done, try again with the same key");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    pub(crate) fn ledger_failed() -> Self {
        let message = "the ledger failed; whether it was done is not known: ask by key, or try again with the same key";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger", message)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the ledger can't be read");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger", "the ledger can't be read now; ask again")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Wire { error: self.detail })).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
        }
        response
    }
}

/// Not `not_found`: that would tell a caller with a wrong URL that its key is unknown.
pub(crate) async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "there is no such route; see the sandbox's README")
}

//! What a refused request is told.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use choreography::ProblemType;
use serde_json::json;
use utoipa_axum::router::UtoipaMethodRouter;

/// Nothing under this key yet.
pub(crate) const UNKNOWN_KEY: ProblemType =
    ProblemType::new("unknown-key", StatusCode::NOT_FOUND, "Nothing is known under this key yet");
pub(crate) const KEY_REUSED: ProblemType =
    ProblemType::new("idempotency-key-reused", StatusCode::CONFLICT, "The key stands for another request");
pub(crate) const IN_PROGRESS: ProblemType =
    ProblemType::new("in-progress", StatusCode::CONFLICT, "An earlier request under this key is still worked on");

/// Of what is asked under a key.
pub(crate) const OF_CALLS: [ProblemType; 5] =
    [ProblemType::INVALID_FIELD, KEY_REUSED, IN_PROGRESS, ProblemType::UNAVAILABLE, ProblemType::OUTCOME_UNKNOWN];
/// Of the cancellation of a key.
pub(crate) const OF_CANCELLATIONS: [ProblemType; 3] =
    [ProblemType::INVALID_FIELD, ProblemType::UNAVAILABLE, ProblemType::OUTCOME_UNKNOWN];
/// Of what is looked up by a key.
pub(crate) const OF_KEYS: [ProblemType; 3] = [ProblemType::INVALID_FIELD, UNKNOWN_KEY, ProblemType::UNAVAILABLE];

/// A request that got no answer of the contract. Beside what each problem says it has `{"error": {"code", "field"?, "message"}}`,
/// which the contract asks of every provider.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: ProblemType,
    code: &'static str,
    field: Option<String>,
    message: String,
}

impl Problem {
    fn new(kind: ProblemType, code: &'static str, message: impl Into<String>) -> Self {
        Problem { kind, code, field: None, message: message.into() }
    }

    pub(crate) fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { field: Some(field.into()), ..Self::new(ProblemType::INVALID_FIELD, "malformed", message) }
    }

    pub(crate) fn not_found(what: &str, key: &str) -> Self {
        Self::new(UNKNOWN_KEY, "not_found", format!("no {what} under the key {key}"))
    }

    pub(crate) fn key_conflict() -> Self {
        let message = "this Idempotency-Key was used with another body; take a new key for a new request";
        Self::new(KEY_REUSED, "key_conflict", message)
    }

    pub(crate) fn in_progress() -> Self {
        Self::new(IN_PROGRESS, "in_progress", "an earlier request under this key is still worked on; ask again soon")
    }

    pub(crate) fn unavailable(code: &'static str, message: &str) -> Self {
        let message = format!("{message}; nothing was done, try again with the same key");
        Self::new(ProblemType::UNAVAILABLE, code, message)
    }

    pub(crate) fn ledger_failed() -> Self {
        let message = "the ledger failed; whether it was done is not known: ask by key, or try again with the same key";
        Self::new(ProblemType::OUTCOME_UNKNOWN, "ledger", message)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the ledger can't be read");
        Self::new(ProblemType::UNAVAILABLE, "ledger", "the ledger can't be read now; ask again")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, code, field, message } = self;
        let mut error = json!({ "code": code, "message": message });
        let mut problem = choreography::Problem::new(kind, message);
        if let Some(field) = field {
            error["field"] = field.as_str().into();
            problem = problem.about(field);
        }
        problem.with("error", error).into_response()
    }
}

/// Routes whose document says which kinds of problems they answer with.
pub(crate) fn refusing<S>(routes: UtoipaMethodRouter<S>, kinds: &[ProblemType]) -> UtoipaMethodRouter<S> {
    choreography::Problem::refusing(routes, kinds)
}

/// Not `not_found`: that would tell a caller with a wrong URL that its key is unknown.
pub(crate) async fn no_such_route() -> Problem {
    Problem::new(ProblemType::NO_SUCH_ROUTE, "no_such_route", "there is no such route; see the sandbox's README")
}

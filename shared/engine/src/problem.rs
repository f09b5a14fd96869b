//! What an API says when it can't do what was asked: a status, a sentence, and the field that is wrong.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::error;

use crate::{commands::NoReply, participant::Refusal};

/// An error answer: `{"error": …, "field": …}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: StatusCode,
    pub error: String,
    pub field: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, error: impl ToString) -> Self {
        Self { status, error: error.to_string(), field: None }
    }

    /// 422 about one field.
    pub fn field(field: impl Into<String>, error: impl ToString) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, error: error.to_string(), field: Some(field.into()) }
    }
}

impl From<NoReply> for Problem {
    fn from(no_reply: NoReply) -> Self {
        let status = match no_reply {
            NoReply::Refused(Refusal::Permanent(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            NoReply::Busy | NoReply::Unknown(_) | NoReply::Refused(Refusal::Transient(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, no_reply)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        // The client is told that it can come again; the details are for the log.
        error!(%error, "a read failed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the database did not answer; try again in a moment")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = match &self.field {
            Some(field) => json!({ "error": self.error, "field": field }),
            None => json!({ "error": self.error }),
        };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

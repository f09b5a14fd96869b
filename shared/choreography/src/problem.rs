//! What an API says when it can't do what was asked: a status, a sentence, and the field that is wrong.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::error;

use choreography_core::{commands::ReplyError, participant::Refusal};

/// An error answer: `{"error": …, "field": …}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is wrong, in words for the client.
    pub error: String,
    /// Which field of the request is wrong, if one is.
    pub field: Option<String>,
}

impl Problem {
    /// A problem without a field.
    pub fn new(status: StatusCode, error: impl ToString) -> Self {
        Self { status, error: error.to_string(), field: None }
    }

    /// 422 about one field.
    pub fn field(field: impl Into<String>, error: impl ToString) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, error: error.to_string(), field: Some(field.into()) }
    }
}

impl From<ReplyError> for Problem {
    fn from(no_reply: ReplyError) -> Self {
        let status = match no_reply {
            ReplyError::Refused(Refusal::Permanent(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            // It may pass, or it is not known whether it was done: the same request may come again under its key.
            _ => StatusCode::SERVICE_UNAVAILABLE,
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(problem: Problem) -> (u16, Option<String>, String) {
        let response = problem.into_response();
        let status = response.status().as_u16();
        let retry = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, retry, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_client_is_told_the_field_or_when_to_come_again() {
        let wrong = Problem::field("items[0].sku", "items[0].sku: is missing");
        let body = r#"{"error":"items[0].sku: is missing","field":"items[0].sku"}"#;
        assert_eq!(told(wrong).await, (422, None, body.into()));
        let away = Problem::from(sqlx::Error::PoolTimedOut);
        let body = r#"{"error":"the database did not answer; try again in a moment"}"#;
        assert_eq!(told(away).await, (503, Some("1".into()), body.into()));
    }

    #[test]
    fn only_what_the_rules_refuse_for_good_is_the_clients_mistake() {
        let status = |no_reply| Problem::from(no_reply).status.as_u16();
        assert_eq!(status(ReplyError::Refused(Refusal::Permanent("no".into()))), 422);
        for passing in [
            ReplyError::Busy,
            ReplyError::Unknown("stopping".into()),
            ReplyError::Refused(Refusal::Transient("locked".into())),
        ] {
            assert_eq!(status(passing), 503);
        }
    }
}

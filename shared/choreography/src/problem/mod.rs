//! What an API says when it can't do what was asked: `application/problem+json` (RFC 9457). Its shape is decided here alone.

mod kind;

use std::borrow::Cow;

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::error;
use utoipa::ToSchema;

use choreography_core::{commands::ReplyError, participant::Refusal};

pub use kind::ProblemType;

/// The type of a problem's body.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// Seconds after which to come again.
const SOON: u32 = 1;

/// An answer that refuses a request, or says why it failed: a kind, a sentence, and the field that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemType,
    /// What is wrong this time, in words for the client.
    pub detail: String,
    /// Which field of the request is wrong, if one is.
    pub field: Option<String>,
    /// What clients may want to know besides, by name.
    pub more: Map<String, Value>,
}

/// Where and when a problem occurred.
#[derive(Default)]
pub(crate) struct Occurrence<'a> {
    /// The path that was asked for.
    pub instance: Option<&'a str>,
    pub trace_id: Option<&'a str>,
}

/// Why a request was refused, or failed (RFC 9457).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// Names the kind of the problem. Clients go by it.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    kind: String,
    /// What this kind is, in a few words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time.
    detail: Cow<'a, str>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference", nullable = false)]
    instance: Option<&'a str>,
    /// The trace of the request, as in the header `trace-id`: quote it when you report the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    trace_id: Option<&'a str>,
    /// The field, header or parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// Seconds after which the same request may come again, as in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u32>,
    /// What some kinds say besides.
    #[serde(flatten)]
    #[schema(ignore)]
    more: &'a Map<String, Value>,
}

impl Problem {
    /// A problem without a field.
    pub fn new(kind: ProblemType, detail: impl ToString) -> Self {
        Self { kind, detail: detail.to_string(), field: None, more: Map::new() }
    }

    /// 422 about one field of a body, or a header.
    pub fn field(field: impl Into<String>, detail: impl ToString) -> Self {
        Self::new(ProblemType::INVALID_FIELD, detail).about(field)
    }

    /// 400 about one parameter of a path or a query.
    pub fn parameter(name: impl Into<String>, detail: impl ToString) -> Self {
        Self::new(ProblemType::INVALID_PARAMETER, detail).about(name)
    }

    /// The field, header or parameter that it is about.
    #[must_use]
    pub fn about(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Says something besides.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// When the same request may come again, in seconds.
    fn retry_after(&self) -> Option<u32> {
        let passes = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.kind.status);
        passes.then_some(SOON)
    }

    pub(crate) fn json(&self, occurred: &Occurrence<'_>) -> Bytes {
        let body = Body {
            kind: self.kind.uri(),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: (&self.detail).into(),
            instance: occurred.instance,
            trace_id: occurred.trace_id,
            field: self.field.as_deref(),
            retry_after: self.retry_after(),
            more: &self.more,
        };
        // Texts and numbers: it can't fail, and if it did, the status would say the most of it.
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

impl From<ReplyError> for Problem {
    fn from(no_reply: ReplyError) -> Self {
        let kind = match no_reply {
            ReplyError::Refused(Refusal::Permanent(_)) => ProblemType::REFUSED,
            ReplyError::Busy | ReplyError::Refused(Refusal::Transient(_) | Refusal::Awaited(_)) => {
                ProblemType::UNAVAILABLE
            }
            // Of what is not known to have been done nothing, nothing is known.
            _ => ProblemType::OUTCOME_UNKNOWN,
        };
        Self::new(kind, no_reply)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        // The client is told that it can come again; the details are for the log.
        error!(%error, "a read failed");
        Self::new(ProblemType::UNAVAILABLE, "the database did not answer; try again in a moment")
    }
}

/// The problem itself goes with the answer, so that the server can say where and when it occurred.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = [(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))];
        let mut response = (self.kind.status, content_type, self.json(&Occurrence::default())).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn told(problem: Problem) -> (u16, Option<String>, Value) {
        let response = problem.into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        let status = response.status().as_u16();
        let retry = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, retry, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_client_is_told_the_field_or_when_to_come_again() {
        let wrong = Problem::field("items[0].sku", "items[0].sku: is missing");
        let body = json!({
            "type": "urn:choreography:problem:invalid-field", "title": "A field of the request is wrong", "status": 422,
            "detail": "items[0].sku: is missing", "field": "items[0].sku",
        });
        assert_eq!(told(wrong).await, (422, None, body));
        let away = Problem::from(sqlx::Error::PoolTimedOut);
        let body = json!({
            "type": "urn:choreography:problem:unavailable", "title": "This can't be done now", "status": 503,
            "detail": "the database did not answer; try again in a moment", "retryAfter": 1,
        });
        assert_eq!(told(away).await, (503, Some("1".into()), body));
    }

    #[test]
    fn it_says_where_and_when_it_occurred() {
        let occurred = Occurrence { instance: Some("/orders/7"), trace_id: Some("0af7") };
        let body: Value = serde_json::from_slice(&Problem::parameter("orderId", "no").json(&occurred)).unwrap();
        assert_eq!(
            (&body["instance"], &body["traceId"], &body["field"]),
            (&json!("/orders/7"), &json!("0af7"), &json!("orderId"))
        );
    }

    #[test]
    fn only_what_the_rules_refuse_for_good_is_the_clients_mistake() {
        let kind = |no_reply| Problem::from(no_reply).kind;
        assert_eq!(kind(ReplyError::Refused(Refusal::Permanent("no".into()))), ProblemType::REFUSED);
        assert_eq!(kind(ReplyError::Refused(Refusal::Transient("not now".into()))), ProblemType::UNAVAILABLE);
        assert_eq!(kind(ReplyError::Refused(Refusal::Awaited("locked".into()))), ProblemType::UNAVAILABLE);
        assert_eq!(kind(ReplyError::Busy), ProblemType::UNAVAILABLE);
        assert_eq!(kind(ReplyError::Unknown("stopping".into())), ProblemType::OUTCOME_UNKNOWN);
    }
}

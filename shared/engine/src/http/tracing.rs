//! One span per API request, and its trace's id in the answer.

use axum::{
    extract::{MatchedPath, Request},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use opentelemetry::{KeyValue, trace::SpanKind};

use crate::{
    telemetry::spans::{SagaSpan, Telling},
    trace::{CorrelationId, TraceContext},
};

/// The header of every API answer that names the trace.
const TRACE_ID: &str = "trace-id";

/// Continues the client's trace or begins one, and hands it to the handlers as their [`TraceContext`].
pub(super) async fn trace(mut request: Request, next: Next) -> Response {
    let mut parent = TraceContext::of_request(request.headers());
    if parent.traceparent.is_none() && !crate::telemetry::spans::enabled() {
        parent = TraceContext::unrecorded();
    }
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    let mut span = SagaSpan::child(&parent, &[], || Telling {
        kind: SpanKind::Server,
        name: format!("{method} {route}").into(),
        attributes: vec![
            KeyValue::new("http.request.method", method.clone()),
            KeyValue::new("http.route", route.clone()),
            KeyValue::new("url.scheme", "http"),
        ],
    });
    let trace_id = span.context().trace_id().and_then(|id| HeaderValue::from_str(id).ok());
    request.extensions_mut().insert(span.context().clone());
    let mut response = next.run(request).await;
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if let Some(CorrelationId(id)) = response.extensions().get() {
        span.set("saga.correlation_id", id.clone());
    }
    if status.is_server_error() {
        span.fail("server-error");
    }
    span.end();
    if let Some(trace_id) = trace_id {
        response.headers_mut().insert(TRACE_ID, trace_id);
    }
    response
}

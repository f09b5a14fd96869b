//! One span per API request, and its trace's id in the answer.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, MatchedPath, Request},
    http::{HeaderMap, HeaderValue, request::Parts},
    middleware::Next,
    response::Response,
};
use opentelemetry::{KeyValue, trace::SpanKind};

use choreography_core::{
    spans::{self, SagaSpan, SpanStart},
    trace::TraceContext,
};

/// The header of every API answer that names the trace.
pub(super) const TRACE_ID: &str = "trace-id";

/// A request's trace context, for its handler to pass on: the one that the server gave it.
pub struct Trace(pub TraceContext);

impl<S: Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned().unwrap_or_default()))
    }
}

/// The saga that a request is about: a handler puts it into its answer's extensions, so that the request's span names it.
#[derive(Clone, Debug)]
pub struct CorrelationId(pub String);

/// Continues the client's trace or begins one, and hands it to the handlers as their [`Trace`].
pub(super) async fn trace(mut request: Request, next: Next) -> Response {
    let mut parent = sent(request.headers());
    if parent.traceparent.is_none() && !spans::enabled() {
        parent = TraceContext::unrecorded();
    }
    let mut span = SagaSpan::child(&parent, &[], || start(&request));
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

fn start(request: &Request) -> SpanStart {
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    SpanStart {
        kind: SpanKind::Server,
        name: format!("{method} {route}").into(),
        attributes: vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route),
            KeyValue::new("url.scheme", "http"),
        ],
    }
}

/// The context that a client sent; empty where it sent none.
fn sent(headers: &HeaderMap) -> TraceContext {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    TraceContext::received(text("traceparent"), text("tracestate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_sound_context_has_none() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            sent(&HeaderMap::from_iter(pairs))
        };
        assert_eq!(of(&[]), TraceContext::default());
        assert_eq!(of(&[("traceparent", "junk"), ("tracestate", "a=b")]), TraceContext::default());
        let (parent, state) = ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1");
        let sound = of(&[("traceparent", parent), ("tracestate", state)]);
        assert_eq!((sound.traceparent.as_deref(), sound.tracestate.as_deref()), (Some(parent), Some(state)));
    }

    #[tokio::test]
    async fn handlers_get_the_context_that_the_server_gave_the_request() {
        let context = TraceContext::unrecorded();
        let mut parts = Request::new(()).into_parts().0;
        let Ok(Trace(none)) = Trace::from_request_parts(&mut parts, &()).await;
        assert_eq!(none, TraceContext::default());
        parts.extensions.insert(context.clone());
        let Ok(Trace(given)) = Trace::from_request_parts(&mut parts, &()).await;
        assert_eq!(given, context);
    }
}

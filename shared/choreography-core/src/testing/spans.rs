//! The spans that the tests of this process end, kept in memory. Tests find theirs by the trace.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};

use crate::{
    spans,
    trace::{Header, TraceContext},
};

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(&mut batch);
        Ok(())
    }
}

static KEPT: LazyLock<(Kept, SdkTracerProvider)> = LazyLock::new(|| {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
    spans::enable(provider.tracer("tests"), true);
    (kept, provider)
});

/// A trace of this test's own, and the header that brings it. From here on spans are recorded.
pub(crate) fn trace() -> (String, Header) {
    LazyLock::force(&KEPT);
    let unrecorded = TraceContext::unrecorded().traceparent.unwrap();
    let sampled = format!("{}01", unrecorded.strip_suffix("00").unwrap());
    let trace_id = sampled.split('-').nth(1).unwrap().to_owned();
    (trace_id, Header::text("traceparent", sampled))
}

/// What has ended of a trace, in the order of its ends.
pub(crate) fn ended(trace_id: &str) -> Vec<SpanData> {
    let kept = KEPT.0.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter().filter(|span| span.span_context.trace_id().to_string() == trace_id).cloned().collect()
}

/// Kind and name, with what is told of it.
pub(crate) fn told(span: &SpanData) -> (String, Vec<String>) {
    let failed = if span.status == Status::Unset { "" } else { " failed" };
    let attributes = span.attributes.iter().map(|attribute| format!("{}={}", attribute.key, attribute.value));
    (format!("{:?} {}{failed}", span.span_kind, span.name), attributes.collect())
}

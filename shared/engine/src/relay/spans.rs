//! The span of a batch on its way to Kafka.

use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanKind},
};

use crate::{
    outbox::OutboxRow,
    telemetry::spans::{self, SagaSpan, Telling},
    trace::TraceContext,
};

/// Most links of one span, as OpenTelemetry's SDKs limit them by default.
const LINKS: usize = 128;

/// Linked to the spans that created its messages.
pub(super) fn sent(rows: &[OutboxRow]) -> SagaSpan {
    if !spans::enabled() {
        return SagaSpan::none();
    }
    let sampled = rows
        .iter()
        .filter_map(|row| TraceContext::from_headers(&row.message.headers).span_context())
        .filter(SpanContext::is_sampled);
    let links: Vec<SpanContext> = sampled.take(LINKS).collect();
    SagaSpan::root(&links, || Telling {
        kind: SpanKind::Client,
        name: "send".into(),
        attributes: vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", "send"),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.batch.message_count", i64::try_from(rows.len()).unwrap_or(i64::MAX)),
        ],
    })
}

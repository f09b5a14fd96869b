//! The span of a batch on its way to Kafka.

use opentelemetry::{KeyValue, trace::SpanKind};

use crate::{
    links,
    outbox::OutboxRow,
    spans::{self, SagaSpan, SpanStart},
};

/// Linked to the spans that created its messages.
pub(super) fn sent(rows: &[OutboxRow]) -> SagaSpan {
    if !spans::enabled() {
        return SagaSpan::none();
    }
    SagaSpan::root(links::to_send(rows.iter().map(|row| &row.message)), || SpanStart {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::OutboxMessage,
        testing::spans::{ended, told, trace},
        trace::{Header, TraceContext},
    };

    fn row(headers: Vec<Header>) -> OutboxRow {
        OutboxRow {
            number: 1,
            range: 0,
            message: OutboxMessage { topic: "t".into(), key: None, payload: None, headers, nth: None },
        }
    }

    #[test]
    fn a_batch_links_to_the_sampled_spans_that_created_its_messages() {
        let (trace_id, sampled) = trace();
        let unsampled = Header::text("traceparent", TraceContext::unrecorded().traceparent.unwrap());
        let span = sent(&[row(vec![sampled.clone()]), row(vec![unsampled]), row(Vec::new())]);
        let batch = span.context().trace_id().unwrap().to_owned();
        span.end();
        let spans = ended(&batch);
        let links: Vec<String> =
            spans[0].links.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
        assert_eq!(links, [trace_id]);
        let expected = [
            "messaging.system=kafka",
            "messaging.operation.name=send",
            "messaging.operation.type=send",
            "messaging.batch.message_count=3",
        ];
        assert_eq!(told(&spans[0]), ("Client send".into(), expected.map(String::from).into()));
    }
}

//! What is reported of an input, in spans and logs, once its transaction is committed. Data of the payload is in neither:
//! why an event was refused stands beside its bytes, in the admin API and in the dead letter.

use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanKind},
};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::note::AWAITED;
use crate::{
    delivery::Delivery,
    effects::NewEvent,
    input::{DeferredEvent, Inbound, Input, Origin, Verdict},
    links,
    participant::Participant,
    spans::{self, SagaSpan, SpanStart},
    store::Failure,
    trace::TraceContext,
};

/// The span of a batch, a trace of its own, and within it that of its transaction.
pub(super) struct BatchSpans {
    batch: SagaSpan,
    transaction: SagaSpan,
}

impl BatchSpans {
    /// Linked to the spans that created its messages.
    pub fn begin<P: Participant>(service: &'static str, inbound: &[Inbound<P>]) -> Self {
        if !spans::enabled() {
            return Self { batch: SagaSpan::none(), transaction: SagaSpan::none() };
        }
        let inputs = i64::try_from(inbound.len()).unwrap_or(i64::MAX);
        let batch = SagaSpan::root(links::consumed(inbound.iter().filter_map(Inbound::delivery)), || SpanStart {
            kind: SpanKind::Internal,
            name: format!("batch {service}").into(),
            attributes: vec![KeyValue::new("messaging.batch.message_count", inputs)],
        });
        let transaction = if batch.link().is_some() {
            SagaSpan::child(batch.context(), &[], || SpanStart {
                kind: SpanKind::Client,
                name: "transaction".into(),
                attributes: vec![
                    KeyValue::new("db.system.name", "postgresql"),
                    KeyValue::new("db.namespace", service),
                    KeyValue::new("db.operation.name", "COMMIT"),
                ],
            })
        } else {
            SagaSpan::none()
        };
        Self { batch, transaction }
    }

    pub fn link(&self) -> Vec<SpanContext> {
        self.batch.link().into_iter().collect()
    }

    pub fn committed(self) {
        self.transaction.end();
        self.batch.end();
    }

    pub fn discard(self) {
        self.transaction.discard();
        self.batch.discard();
    }
}

/// The report of one input.
pub(super) struct Report {
    pub span: SagaSpan,
    correlation_id: String,
    aggregate_id: String,
    what: String,
    outcome: &'static str,
    class: &'static str,
}

impl Report {
    /// Begins the input's span, a child of what it came from.
    pub fn begin<P: Participant>(
        service: &'static str,
        input: &Input<P>,
        compensation: bool,
        links: &[SpanContext],
    ) -> SagaSpan {
        SagaSpan::child(&input.trace, links, || {
            let mut start = span_start_of(service, &input.origin);
            start.attributes.extend(
                input.correlation_id.clone().map(|correlation_id| KeyValue::new("saga.correlation_id", correlation_id)),
            );
            if compensation {
                start.attributes.push(KeyValue::new("saga.compensation", true));
            }
            start
        })
    }

    /// What is to be reported once the transaction is committed; `None` if nothing is.
    pub fn of<P: Participant>(
        mut span: SagaSpan,
        input: &Input<P>,
        verdict: &Verdict<P::Reply>,
        class: &'static str,
    ) -> Option<Self> {
        let outcome = verdict.name();
        let debugging = tracing::enabled!(tracing::Level::DEBUG);
        if span.link().is_none() && outcome == "applied" && !debugging {
            // Nothing is recorded, so nothing is said by dropping it.
            return None;
        }
        span.set("saga.outcome", outcome);
        if !class.is_empty() {
            span.fail(class);
        }
        let (aggregate_id, what) = named(&input.origin);
        Some(Self {
            correlation_id: input.correlation_id.clone().unwrap_or_default(),
            aggregate_id: aggregate_id.to_owned(),
            what: what.to_owned(),
            span,
            outcome,
            class,
        })
    }

    /// A message that is no event: dead-lettered, parking no key.
    pub fn dead_lettered(
        service: &'static str,
        delivery: &Delivery,
        class: &'static str,
        links: &[SpanContext],
    ) -> Self {
        let mut span =
            SagaSpan::child(&TraceContext::from_headers(&delivery.headers), links, || process(service, delivery));
        span.set("saga.outcome", "dead");
        span.fail(class);
        let at = &delivery.position;
        Self {
            span,
            correlation_id: String::new(),
            aggregate_id: String::new(),
            what: format!("{}[{}]@{}", at.topic, at.partition, at.offset),
            outcome: "dead",
            class,
        }
    }

    /// A deferred event that can't be read by this version.
    pub fn stuck(deferred: &DeferredEvent, failure: &Failure, outcome: &'static str, links: &[SpanContext]) -> Self {
        let event = &deferred.event;
        let internal = || SpanStart {
            kind: SpanKind::Internal,
            name: "read a deferred event".into(),
            attributes: vec![KeyValue::new("messaging.message.id", event.id.to_string())],
        };
        let mut span = SagaSpan::child(&TraceContext::from_headers(&event.delivery.headers), links, internal);
        span.set("saga.outcome", outcome);
        span.fail(failure.class);
        Self {
            span,
            correlation_id: String::new(),
            aggregate_id: event.aggregate_id.clone(),
            what: event.event_type.clone(),
            outcome,
            class: failure.class,
        }
    }

    /// The transaction is committed: reports it.
    pub fn committed(self) {
        let trace_id = self.span.context().trace_id().unwrap_or_default().to_owned();
        let Self { span, correlation_id, aggregate_id, what, outcome, class } = self;
        span.end();
        macro_rules! log {
            ($level:ident, $message:literal) => {
                $level!(correlation_id, aggregate_id, event_type = what, trace_id, outcome, class, $message)
            };
        }
        match outcome {
            "parked" => log!(error, "parked and dead-lettered: see /admin/deferred, then redrive or discard"),
            "dead" => log!(error, "dead-lettered, no valid event: see /admin/dead-messages"),
            "refused" => log!(error, "refused; a deadline or an answer stays, with the error, and comes again"),
            "retrying" if class == AWAITED => log!(info, "what it needs has not come yet; it and its key wait"),
            "retrying" => log!(warn, "failed for a passing reason; it and its key wait"),
            "queued" => log!(info, "waits behind a deferred event of its key"),
            _ => log!(debug, "handled"),
        }
    }
}

/// The span of an event that is written to the outbox; its context travels with the message.
pub(super) fn created(parent: &TraceContext, event: &NewEvent, id: Uuid, correlation_id: &str) -> SagaSpan {
    let (topic, event_type) = (event.topic, event.event_type);
    SagaSpan::child(parent, &[], || SpanStart {
        kind: SpanKind::Producer,
        name: format!("create {topic}").into(),
        attributes: vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", "create"),
            KeyValue::new("messaging.operation.type", "create"),
            KeyValue::new("messaging.destination.name", topic),
            KeyValue::new("messaging.message.id", id.to_string()),
            KeyValue::new("messaging.message.conversation_id", correlation_id.to_owned()),
            KeyValue::new("saga.correlation_id", correlation_id.to_owned()),
            KeyValue::new("saga.event_type", event_type),
        ],
    })
}

fn span_start_of(service: &'static str, origin: &Origin) -> SpanStart {
    let internal = |name: String| SpanStart { kind: SpanKind::Internal, name: name.into(), attributes: Vec::new() };
    match origin {
        Origin::Arrival(_) | Origin::Deferred(_) => {
            let Some(event) = origin.event() else { return internal("event".into()) };
            let mut start = process(service, &event.delivery);
            start.attributes.push(KeyValue::new("messaging.message.id", event.id.to_string()));
            start.attributes.push(KeyValue::new("saga.event_type", event.event_type.clone()));
            if let Origin::Deferred(deferred) = origin {
                start.attributes.push(KeyValue::new("saga.attempts", i64::from(deferred.attempts)));
            }
            start
        }
        Origin::Deadline(deadline) => internal(format!("deadline {}", deadline.name)),
        Origin::Call(call) => internal(format!("answer {}", call.step)),
        Origin::Client => internal("command".into()),
    }
}

fn process(service: &'static str, delivery: &Delivery) -> SpanStart {
    let at = &delivery.position;
    SpanStart {
        kind: SpanKind::Consumer,
        name: format!("process {}", at.topic).into(),
        attributes: vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", "process"),
            KeyValue::new("messaging.operation.type", "process"),
            KeyValue::new("messaging.destination.name", at.topic.to_string()),
            KeyValue::new("messaging.destination.partition.id", at.partition.to_string()),
            KeyValue::new("messaging.kafka.offset", at.offset),
            KeyValue::new("messaging.consumer.group.name", service),
        ],
    }
}

/// Which aggregate it is about, and what it is.
fn named(origin: &Origin) -> (&str, &str) {
    match origin {
        Origin::Deadline(deadline) => (&deadline.aggregate_id, &deadline.name),
        Origin::Call(call) => (&call.aggregate_id, &call.step),
        Origin::Client => ("", "command"),
        Origin::Arrival(event) => (&event.aggregate_id, &event.event_type),
        Origin::Deferred(deferred) => (&deferred.event.aggregate_id, &deferred.event.event_type),
    }
}

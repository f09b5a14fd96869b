//! Spans of sagas, by OpenTelemetry's conventions for messaging
//! (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
//!
//! A saga is one trace: every span's parent is the context that its row or message carries. Batches are traces of their
//! own, and the spans of their events link to them. Where nothing is exported, or the saga is not sampled, a span is
//! nothing but its parent's context, which travels on.

use std::{borrow::Cow, sync::OnceLock};

use opentelemetry::{
    Context, KeyValue,
    global::{BoxedSpan, BoxedTracer, ObjectSafeTracer},
    trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer},
};

use crate::trace::TraceContext;

struct Tracing {
    tracer: BoxedTracer,
    parent_decides: bool,
}

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// From now on spans are made by this tracer. Once per process.
pub fn enable(tracer: impl ObjectSafeTracer + Send + Sync + 'static, parent_decides: bool) {
    let tracer = BoxedTracer::new(Box::new(tracer));
    if TRACING.set(Tracing { tracer, parent_decides }).is_err() {
        tracing::warn!("spans are exported already; the second exporter is not used");
    }
}

/// Whether spans are made at all.
pub fn enabled() -> bool {
    TRACING.get().is_some()
}

/// Set on spans that are not to be exported: see [`SagaSpan::discard`].
pub const DISCARDED: &str = "saga.discarded";

/// One span, or the context of its parent where there is none to record.
///
/// Dropped without [`end`](SagaSpan::end), it says that its work was rolled back.
pub struct SagaSpan {
    span: Option<BoxedSpan>,
    context: TraceContext,
}

/// What a span is to be called and to tell.
pub struct SpanStart {
    /// OpenTelemetry's kind.
    pub kind: SpanKind,
    /// What it is called.
    pub name: Cow<'static, str>,
    /// What is told.
    pub attributes: Vec<KeyValue>,
}

impl SagaSpan {
    /// Begins a child of `parent`; `start` is called only if spans are recorded.
    pub fn child(parent: &TraceContext, links: &[SpanContext], start: impl FnOnce() -> SpanStart) -> Self {
        let unrecorded = || Self { span: None, context: parent.clone() };
        let Some(tracing) = TRACING.get() else { return unrecorded() };
        let remote = parent.span_context();
        if tracing.parent_decides && remote.as_ref().is_some_and(|parent| !parent.is_sampled()) {
            return unrecorded();
        }
        let context = remote.map_or_else(Context::new, |remote| Context::new().with_remote_span_context(remote));
        let links = links.iter().map(|context| Link::with_context(context.clone())).collect();
        Self::begin(tracing, &context, links, start())
    }

    /// No span at all.
    pub fn none() -> Self {
        Self { span: None, context: TraceContext::default() }
    }

    /// Begins a trace.
    pub fn root(links: Vec<Link>, start: impl FnOnce() -> SpanStart) -> Self {
        match TRACING.get() {
            Some(tracing) => Self::begin(tracing, &Context::new(), links, start()),
            None => Self::none(),
        }
    }

    fn begin(tracing: &Tracing, parent: &Context, links: Vec<Link>, start: SpanStart) -> Self {
        let builder = tracing
            .tracer
            .span_builder(start.name)
            .with_kind(start.kind)
            .with_attributes(start.attributes)
            .with_links(links);
        let span = tracing.tracer.build_with_context(builder, parent);
        Self { context: TraceContext::of_span(span.span_context()), span: Some(span) }
    }

    /// What rows, messages and child spans carry.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// This span as one that others link to, if it is recorded.
    pub fn link(&self) -> Option<SpanContext> {
        self.span.as_ref().map(|span| span.span_context().clone()).filter(SpanContext::is_sampled)
    }

    /// Adds an attribute.
    pub fn set(&mut self, name: &'static str, value: impl Into<opentelemetry::Value>) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Marks the span as failed; `class` is one of few words, never data.
    pub fn fail(&mut self, class: &'static str) {
        self.set("error.type", class);
        if let Some(span) = &mut self.span {
            span.set_status(Status::error(class));
        }
    }

    /// Nothing happened, and the same is tried anew under a span of its own: this one is not exported, provided that the exporter looks at
    /// [`DISCARDED`].
    pub fn discard(mut self) {
        self.set(DISCARDED, true);
        self.end();
    }

    /// Ends the span: what it stands for happened.
    pub fn end(mut self) {
        if let Some(mut span) = self.span.take() {
            span.end();
        }
    }
}

impl Drop for SagaSpan {
    fn drop(&mut self) {
        if self.span.is_some() {
            self.fail("rolled-back");
        }
    }
}

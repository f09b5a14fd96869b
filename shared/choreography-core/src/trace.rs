//! The W3C trace context that travels with every row and every Kafka message.

use std::{borrow::Cow, str::FromStr};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Longer ones are left out: what a client sends stays small in every row and message of the saga. The W3C recommendation
/// asks for at least as much to be passed on.
const LONGEST_STATE: usize = 512;

/// `traceparent` and `tracestate` as they stand in headers and rows. Empty where the writer was not traced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`, well-formed.
    pub traceparent: Option<String>,
    /// `tracestate`, short and printable.
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// Takes the context out of a message's headers; a malformed one is ignored, as the W3C recommendation asks.
    pub fn from_headers(headers: &[Header]) -> Self {
        let text = |name: &str| {
            let header = headers.iter().find(|header| header.is_named(name))?;
            String::from_utf8(header.value.clone()?).ok()
        };
        Self::received(text("traceparent"), text("tracestate"))
    }

    /// What came from outside under these names; empty where it is malformed, as the W3C recommendation asks.
    pub fn received(traceparent: Option<String>, tracestate: Option<String>) -> Self {
        let traceparent = traceparent.filter(|value| is_traceparent(value));
        let tracestate = traceparent.as_ref().and(tracestate).filter(|state| is_tracestate(state));
        Self { traceparent, tracestate }
    }

    /// The beginning of a trace that is not recorded: it still gives what belongs together one id.
    pub fn unrecorded() -> Self {
        let trace_id = uuid::Uuid::new_v4();
        // It must differ from the other spans of its trace, and it is the first. A second draw would be a second call of the kernel.
        let (_, span_id) = trace_id.as_u64_pair();
        Self { traceparent: Some(format!("00-{}-{span_id:016x}-00", trace_id.as_simple())), tracestate: None }
    }

    /// The trace's id, 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref()?.split('-').nth(1)
    }

    /// As OpenTelemetry has it; `None` where there is none.
    pub fn span_context(&self) -> Option<SpanContext> {
        let mut parts = self.traceparent.as_deref()?.split('-').skip(1);
        let trace_id = TraceId::from_hex(parts.next()?).ok()?;
        let span_id = SpanId::from_hex(parts.next()?).ok()?;
        let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
        let state = self.tracestate.as_deref().and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
        Some(SpanContext::new(trace_id, span_id, flags, true, state)).filter(SpanContext::is_valid)
    }

    /// A span's own context, as its children get it.
    pub fn of_span(span: &SpanContext) -> Self {
        let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
        let state = span.trace_state().header();
        Self {
            traceparent: Some(format!("00-{trace}-{id}-{flags:02x}")),
            tracestate: Some(state).filter(|state| !state.is_empty()),
        }
    }
}

/// A Kafka header. Names need not be unique and values may be null, as on the wire. A name should be text; what comes from
/// outside need not be, so its bytes are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its bytes; mostly text.
    pub name: Vec<u8>,
    /// `None` is null.
    pub value: Option<Vec<u8>>,
}

impl Header {
    /// A header whose name and value are text.
    pub fn text(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.as_bytes().to_vec(), value: Some(value.into().into_bytes()) }
    }

    /// Whether it has this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }

    /// The name as text. What is no UTF-8, or a NUL, is written as `\xff`: Kafka clients take names for text.
    pub fn text_name(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.name) {
            Ok(name) if !name.contains('\0') => Cow::Borrowed(name),
            _ => Cow::Owned(escaped(&self.name)),
        }
    }
}

fn escaped(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len() * 2);
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char == '\0' { text.push_str("\\x00") } else { text.push(char) }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// Short, and of printable ASCII (https://www.w3.org/TR/trace-context/#tracestate-header): a NUL would be refused by
/// PostgreSQL, with the event that it came with.
fn is_tracestate(state: &str) -> bool {
    state.len() <= LONGEST_STATE && state.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// `00-<32 hex>-<16 hex>-<2 hex>` (https://www.w3.org/TR/trace-context/#traceparent-header).
pub fn is_traceparent(value: &str) -> bool {
    let lengths = [2, 32, 16, 2];
    let parts: Vec<&str> = value.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
        && parts[0] != "ff"
        && parts[1].bytes().any(|byte| byte != b'0')
        && parts[2].bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_survives_its_way_through_opentelemetrys_types() {
        let context = TraceContext {
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            tracestate: Some("vendor=1".into()),
        };
        let span = context.span_context().unwrap();
        assert!(span.is_sampled() && span.is_remote());
        assert_eq!(TraceContext::of_span(&span), context);
        assert_eq!(context.trace_id(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert!(!TraceContext::unrecorded().span_context().unwrap().is_sampled());
        assert_eq!(TraceContext::default().span_context(), None);
    }

    #[test]
    fn a_header_name_that_is_no_text_is_shown_escaped() {
        let named = |name: &[u8]| Header { name: name.to_vec(), value: None }.text_name().into_owned();
        assert_eq!(named("größe".as_bytes()), "größe");
        assert_eq!(named(b"na\xffme"), r"na\xffme");
        assert_eq!(named(b"a\0b"), r"a\x00b");
        assert!(Header::text("traceparent", "").is_named("traceparent"));
        // One that is text costs no copy, since each message passes here.
        assert!(matches!(Header::text("traceparent", "").text_name(), Cow::Borrowed("traceparent")));
    }

    #[test]
    fn malformed_contexts_are_ignored() {
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(!is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
        assert!(!is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"));
        assert!(!is_traceparent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        let headers = [Header::text("traceparent", "junk"), Header::text("tracestate", "a=b")];
        assert_eq!(TraceContext::from_headers(&headers), TraceContext::default());
    }

    #[test]
    fn a_tracestate_that_is_no_printable_text_is_left_out() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (state, taken) in [("a=b", true), ("a=\0b", false), ("a=\tb", false), ("a=ü", false), ("a=\x7f", false)] {
            let headers = [Header::text("traceparent", parent), Header::text("tracestate", state)];
            let context = TraceContext::from_headers(&headers);
            assert_eq!(
                (context.traceparent.as_deref(), context.tracestate.is_some()),
                (Some(parent), taken),
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_long_tracestate_is_left_out_wherever_it_comes_from() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (length, taken) in [(LONGEST_STATE, true), (LONGEST_STATE + 1, false)] {
            let state = "x".repeat(length);
            let headers = [Header::text("traceparent", parent), Header::text("tracestate", state.as_str())];
            assert_eq!(TraceContext::from_headers(&headers).tracestate.is_some(), taken);
            let context = TraceContext::received(Some(parent.into()), Some(state));
            assert_eq!((context.traceparent.as_deref(), context.tracestate.is_some()), (Some(parent), taken));
        }
    }

    #[test]
    fn every_part_of_a_traceparent_is_looked_at() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        assert!(is_traceparent(&format!("00-{trace}-{span}-00")));
        for wrong in [
            format!("ff-{trace}-{span}-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{trace}-{span}-1"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{trace}0-{span}-01"),
            format!("00-{trace}-{}g-01", &span[1..]),
        ] {
            assert!(!is_traceparent(&wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_recorded_still_has_ids_of_its_own() {
        let (one, other) = (TraceContext::unrecorded(), TraceContext::unrecorded());
        assert!([&one, &other].iter().all(|context| context.traceparent.as_deref().is_some_and(is_traceparent)));
        assert_ne!(one.trace_id(), other.trace_id());
    }
}

//! The W3C trace context that travels with every row and every Kafka message.

/// `traceparent` and `tracestate` as they stand in headers and rows. Empty where the writer was not traced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    pub traceparent: Option<String>,
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// Takes the context out of a message's headers; a malformed one is ignored, as the W3C recommendation asks.
    pub fn from_headers(headers: &[Header]) -> Self {
        let text = |name: &str| {
            let header = headers.iter().find(|header| header.name == name)?;
            String::from_utf8(header.value.clone()?).ok()
        };
        let traceparent = text("traceparent").filter(|value| is_traceparent(value));
        let tracestate = traceparent.as_ref().and_then(|_| text("tracestate")).filter(|value| value.len() <= 512);
        Self { traceparent, tracestate }
    }
}

impl TraceContext {
    /// The context of an HTTP request; a new root where the client sent none.
    pub fn of_request(headers: &axum::http::HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match text("traceparent").filter(|value| is_traceparent(value)) {
            Some(traceparent) => Self { traceparent: Some(traceparent), tracestate: text("tracestate") },
            None => Self::root(),
        }
    }

    /// The beginning of a new trace, sampled.
    pub fn root() -> Self {
        let trace_id = uuid::Uuid::new_v4().as_simple().to_string();
        let span_id = format!("{:016x}", uuid::Uuid::new_v4().as_u64_pair().0);
        Self { traceparent: Some(format!("00-{trace_id}-{span_id}-01")), tracestate: None }
    }
}

/// A Kafka header. Names need not be unique and values may be null, as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: Option<Vec<u8>>,
}

impl Header {
    pub fn text(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Some(value.into().into_bytes()) }
    }
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
    fn malformed_contexts_are_ignored() {
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(!is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
        assert!(!is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"));
        assert!(!is_traceparent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        let headers = [Header::text("traceparent", "junk"), Header::text("tracestate", "a=b")];
        assert_eq!(TraceContext::from_headers(&headers), TraceContext::default());
    }
}

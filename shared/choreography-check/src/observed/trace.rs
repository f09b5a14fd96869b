//! What a trace says of the choreography, by OpenTelemetry's conventions for messaging and the engine's own attributes. A trace
//! comes as Jaeger's API hands it over (`/api/traces`).

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use serde_json::Value;

/// What Jaeger answers when it is asked for traces.
#[derive(Debug, Deserialize)]
pub struct Traces {
    /// The traces; a Jaeger that knows none says null.
    #[serde(default)]
    pub data: Option<Vec<Trace>>,
}

/// A trace with all of its spans.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    #[serde(rename = "traceID")]
    id: String,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    processes: BTreeMap<String, Process>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(rename = "spanID")]
    id: String,
    operation_name: String,
    #[serde(default)]
    references: Vec<Reference>,
    /// In microseconds since 1970.
    start_time: i64,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(rename = "processID")]
    process: String,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Debug, Deserialize)]
struct Tag {
    key: String,
    value: Value,
}

/// What a service was seen to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// It took a message in.
    Handled {
        /// The topic.
        topic: String,
        /// The event's type, where the span says it.
        event: Option<String>,
    },
    /// Because of an input it published an event, made a call, or did neither.
    Reacted {
        /// The input, written as in a state table; of an answer and a command no more than that it was one.
        on: String,
        /// The event's type, or `call NAME`, or nothing.
        effect: Option<String>,
    },
}

/// A deed, whose it was, and where it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanFact {
    /// The consumer group, where the span says it, else the service by which the spans are named.
    pub service: String,
    /// What it did.
    pub deed: Deed,
    /// The trace.
    pub place: String,
}

impl Span {
    fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == name)?.value.as_str()
    }

    fn operation(&self) -> Option<&str> {
        self.tag("messaging.operation.type").or_else(|| self.tag("messaging.operation.name"))
    }

    /// The input that a span of the engine is about, as a state table has it.
    fn input(&self) -> Option<String> {
        if self.operation() == Some("process") {
            return self.tag("saga.event_type").map(str::to_owned);
        }
        let name = self.operation_name.as_str();
        let is_one = name == "command" || name.starts_with("deadline ") || name.starts_with("answer ");
        // Another program may have spans of such a name; the engine's say which saga they are about.
        (is_one && self.tag("saga.correlation_id").is_some()).then(|| name.to_owned())
    }

    /// What the input above it led to.
    fn effect(&self) -> Option<String> {
        match self.operation() {
            Some("create") => self.tag("saga.event_type").map(str::to_owned),
            Some(_) => None,
            None => {
                let is_call = self.operation_name.starts_with("call ") && self.tag("saga.correlation_id").is_some();
                is_call.then(|| self.operation_name.clone())
            }
        }
    }

    fn is_child_of(&self, parent: &Self) -> bool {
        self.references.iter().any(|reference| reference.kind == "CHILD_OF" && reference.span == parent.id)
    }
}

/// What a service was seen to do in spans that began in this time (microseconds since 1970). A trace has those of many
/// services, and is found once for each.
pub fn facts(trace: &Trace, service: &str, time: &Range<i64>) -> Vec<SpanFact> {
    let is_its =
        |span: &&Span| trace.processes.get(&span.process).is_some_and(|process| process.service_name == service);
    let place = format!("in trace {}", trace.id);
    let own: Vec<&Span> = trace.spans.iter().filter(is_its).collect();
    let mut facts = Vec::new();
    for span in own.iter().filter(|span| time.contains(&span.start_time)) {
        let name = span.tag("messaging.consumer.group.name").unwrap_or(service);
        let mut fact = |deed| facts.push(SpanFact { service: name.to_owned(), deed, place: place.clone() });
        if let (Some("process" | "receive"), Some(topic)) = (span.operation(), span.tag("messaging.destination.name")) {
            let event = span.tag("saga.event_type").map(str::to_owned);
            fact(Deed::Handled { topic: topic.to_owned(), event });
        }
        // What was refused, had come before, or was rolled back leads to nothing, and says nothing of the rules.
        let is_done = span.tag("saga.outcome") == Some("applied") && span.tag("error.type").is_none();
        let Some(on) = span.input().filter(|_| is_done) else { continue };
        let effects = own.iter().filter(|child| child.is_child_of(span)).filter_map(|child| child.effect());
        let effects: Vec<String> = effects.collect();
        if effects.is_empty() {
            fact(Deed::Reacted { on: on.clone(), effect: None });
        }
        for effect in effects {
            fact(Deed::Reacted { on: on.clone(), effect: Some(effect) });
        }
    }
    facts
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;

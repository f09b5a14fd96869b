//! What was seen, counted: memory is bounded, however much is read.

use super::{
    causes::{Causes, REMEMBERED},
    message::{DEAD_LETTERS, EventFact, Fact},
    tally::Tally,
    trace::{Deed, SpanFact},
};
use crate::field::JsonType;

/// An event as it was seen on a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Published {
    pub event: String,
    pub version: u32,
    pub topic: String,
    pub source: Option<String>,
}

/// A service published an event because of another, or of none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Caused {
    pub source: String,
    pub cause: Option<String>,
    pub event: String,
}

/// A field of a payload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    pub event: String,
    pub version: u32,
    pub path: String,
    pub of: JsonType,
}

/// A message that a service gave up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GivenUp {
    pub group: String,
    pub event: Option<String>,
    pub topic: String,
    pub class: String,
}

/// All that was seen.
#[derive(Debug)]
pub struct Observations {
    pub(super) published: Tally<Published>,
    pub(super) caused: Tally<Caused>,
    pub(super) fields: Tally<Field>,
    pub(super) given_up: Tally<GivenUp>,
    /// By topic and problem.
    pub(super) invalid: Tally<(String, &'static str)>,
    /// By service.
    pub(super) deeds: Tally<(String, Deed)>,
    /// Topics of events that were read.
    pub(super) topics: Vec<String>,
    /// Services whose traces were read.
    pub(super) traced: Vec<String>,
    /// What was read, a line each.
    pub(super) read: Vec<String>,
    pub(super) notes: Vec<String>,
    causes: Causes,
}

impl Default for Observations {
    fn default() -> Self {
        Self::remembering(REMEMBERED)
    }
}

impl Observations {
    /// Nothing yet. `ids`: of how many events the types are remembered, to tell what led to what.
    pub fn remembering(ids: usize) -> Self {
        Self {
            published: Tally::default(),
            caused: Tally::default(),
            fields: Tally::default(),
            given_up: Tally::default(),
            invalid: Tally::default(),
            deeds: Tally::default(),
            topics: Vec::new(),
            traced: Vec::new(),
            read: Vec::new(),
            notes: Vec::new(),
            causes: Causes::remembering(ids),
        }
    }

    /// A topic is read from here on: what is not seen on it was not there.
    pub fn reads_topic(&mut self, topic: &str) {
        if !topic.ends_with(DEAD_LETTERS) {
            self.topics.push(topic.to_owned());
        }
    }

    /// The traces of a service are read from here on.
    pub fn reads_traces(&mut self, service: &str) {
        self.traced.push(service.to_owned());
    }

    /// What was read, for the report.
    pub fn has_read(&mut self, what: String) {
        self.read.push(what);
    }

    /// Something about what was read that changes what can be told.
    pub fn note(&mut self, what: String) {
        self.notes.push(what);
    }

    /// A message was read.
    pub fn message(&mut self, fact: Fact) {
        match fact {
            Fact::Event(event) => self.event(*event),
            Fact::DeadLetter { topic, group, class, event, place } => {
                self.given_up.count(GivenUp { group, event, topic, class }, &place);
            }
            Fact::Invalid { topic, problem, place } => self.invalid.count((topic, problem), &place),
        }
    }

    /// Something was seen in a trace.
    pub fn span(&mut self, fact: SpanFact) {
        self.deeds.count((fact.service, fact.deed), &fact.place);
    }

    fn event(&mut self, fact: EventFact) {
        let EventFact { topic, event, version, source, id, cause, fields, place } = fact;
        for effect in self.causes.event(id, &event) {
            let caused = Caused {
                source: effect.source.to_string(),
                cause: Some(event.clone()),
                event: effect.event.to_string(),
            };
            self.caused.count(caused, &effect.place);
        }
        if let Some(source) = source.clone() {
            // Without its source it is not known whose rule it followed from.
            match cause {
                None => self.caused.count(Caused { source, cause: None, event: event.clone() }, &place),
                Some(id) => {
                    if let Some(cause) = self.causes.cause(id, &source, &event, &place) {
                        let cause = Some(cause.to_string());
                        self.caused.count(Caused { source, cause, event: event.clone() }, &place);
                    }
                }
            }
        }
        for (path, of) in fields {
            self.fields.count(Field { event: event.clone(), version, path, of }, &place);
        }
        self.published.count(Published { event, version, topic, source }, &place);
    }

    /// What could not be told, for the report.
    pub(super) fn untold(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        let unknown = self.causes.unknown();
        if unknown > 0 {
            notes.push(format!(
                "what led to {unknown} events is not known: it happened earlier, or was remembered no more (--since, --remember)"
            ));
        }
        let nameless: u64 =
            self.published.iter().filter(|(of, _)| of.source.is_none()).map(|(_, seen)| seen.times).sum();
        if nameless > 0 {
            notes.push(format!(
                "{nameless} events do not say which service published them: what led to them is not told"
            ));
        }
        let left_out: u64 = [
            self.published.left_out(),
            self.caused.left_out(),
            self.fields.left_out(),
            self.given_up.left_out(),
            self.invalid.left_out(),
            self.deeds.left_out(),
        ]
        .iter()
        .sum();
        if left_out > 0 {
            notes.push(format!(
                "{left_out} times something was seen that was one kind too many to keep: see to the findings first"
            ));
        }
        notes
    }

    /// Whether anything was seen.
    pub fn is_empty(&self) -> bool {
        self.published.keys().next().is_none()
            && self.given_up.keys().next().is_none()
            && self.invalid.keys().next().is_none()
            && self.deeds.keys().next().is_none()
    }
}

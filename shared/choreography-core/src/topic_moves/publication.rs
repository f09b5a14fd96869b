//! Where an owner's events go, and in which version.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value, value::RawValue};

use super::TopicMoves;
use crate::{
    DecodeError,
    envelope::Envelope,
    outbox::{EVENT_TYPE, EVENT_VERSION},
    store::OutboxMessage,
    trace::Header,
    versions::{Conversion, field},
};

/// What a producer goes by.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// The topics that move.
    pub moves: TopicMoves,
    /// Of each type that changes while its topic moves, the step back to the version before. Readers of the old topic get that one.
    pub before: BTreeMap<&'static str, Conversion>,
}

impl Publication {
    /// The topics to which a message goes, the old one first.
    pub fn topics<'a>(&'a self, message: &'a OutboxMessage) -> impl Iterator<Item = &'a str> {
        self.moves.destinations(&message.topic)
    }

    /// The message as it goes to one of these topics: the same event, on the old one in the version that its readers know.
    ///
    /// # Errors
    /// It can't be brought to that version.
    pub fn message<'a>(&self, message: &'a OutboxMessage, topic: &str) -> Result<Cow<'a, OutboxMessage>, DecodeError> {
        let is_old = !self.before.is_empty() && self.topics(message).nth(1).is_some_and(|new| new != topic);
        let named = |header: &&Header| header.is_named(EVENT_TYPE);
        let event_type = message.headers.iter().find(named).and_then(|header| header.value.as_deref());
        let event_type = event_type.and_then(|name| std::str::from_utf8(name).ok());
        match event_type.and_then(|name| self.before.get(name)) {
            Some(step) if is_old => back(message, step).map(Cow::Owned),
            _ => Ok(Cow::Borrowed(message)),
        }
    }
}

/// An event that waited in the outbox when the version changed is of the one before already.
fn back(message: &OutboxMessage, step: &Conversion) -> Result<OutboxMessage, DecodeError> {
    let wrong = |error: &dyn ToString| field("payload", error.to_string());
    let envelope =
        Envelope::parse(message.key.as_deref(), message.payload.as_deref()).map_err(|error| wrong(&error))?;
    if envelope.version != step.from {
        return Ok(message.clone());
    }
    let fields: Map<String, Value> = serde_json::from_str(envelope.payload.get()).map_err(|error| wrong(&error))?;
    let fields = serde_json::to_string(&(step.convert)(fields)?).map_err(|error| wrong(&error))?;
    let payload = RawValue::from_string(fields).map_err(|error| wrong(&error))?;
    let headers = message.headers.iter().map(|header| match header.is_named(EVENT_VERSION) {
        true => Header::text(EVENT_VERSION, step.to.to_string()),
        false => header.clone(),
    });
    Ok(OutboxMessage {
        payload: Some(Envelope { version: step.to, payload, ..envelope }.to_bytes()),
        headers: headers.collect(),
        ..message.clone()
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        effects::NewEvent,
        outbox::{Lineage, message},
        trace::TraceContext,
    };

    fn without_tip(mut fields: Map<String, Value>) -> Result<Map<String, Value>, DecodeError> {
        fields.remove("tip").ok_or_else(|| field("payload.tip", "is missing"))?;
        Ok(fields)
    }

    fn publication(moves: &[&str]) -> Publication {
        let moves = TopicMoves::of(moves.iter().map(|text| text.parse().unwrap()).collect()).unwrap();
        let step = Conversion { from: 2, to: 1, convert: without_tip };
        Publication { moves, before: BTreeMap::from([("bill.paid", step)]) }
    }

    fn event(event_type: &'static str, version: u32, payload: &str) -> OutboxMessage {
        let lineage =
            Lineage { source: "bills", correlation_id: "s", causation_id: None, trace: &TraceContext::default() };
        let event =
            NewEvent { topic: "bills", event_type, version, aggregate_id: "b".into(), payload: payload.to_owned() };
        message(event, Uuid::now_v7(), DateTime::UNIX_EPOCH, &lineage, 10_000).unwrap()
    }

    /// Id, version, the header with the version, and payload.
    fn read(message: &OutboxMessage) -> (Uuid, u32, Option<String>, String) {
        let envelope = Envelope::parse(message.key.as_deref(), message.payload.as_deref()).unwrap();
        let header = message.headers.iter().find(|header| header.is_named(EVENT_VERSION)).unwrap();
        let header = header.value.clone().and_then(|value| String::from_utf8(value).ok());
        (envelope.id, envelope.version, header, envelope.payload.get().to_owned())
    }

    #[test]
    fn readers_of_the_old_topic_get_the_version_before_under_the_same_id() {
        let (publication, event) =
            (publication(&["both:bills:bills.v2"]), event("bill.paid", 2, r#"{"sum":7,"tip":1}"#));
        let (id, ..) = read(&event);
        let on = |topic| read(&publication.message(&event, topic).unwrap());
        assert_eq!(on("bills"), (id, 1, Some("1".into()), r#"{"sum":7}"#.into()));
        assert_eq!(on("bills.v2"), (id, 2, Some("2".into()), r#"{"sum":7,"tip":1}"#.into()));
        assert_eq!(publication.topics(&event).collect::<Vec<_>>(), ["bills", "bills.v2"]);
    }

    #[test]
    fn what_does_not_change_goes_to_both_as_it_is() {
        let publication = publication(&["both:bills:bills.v2"]);
        for event in [event("bill.sent", 2, "{}"), event("bill.paid", 1, r#"{"sum":7}"#)] {
            for topic in ["bills", "bills.v2"] {
                assert_eq!(*publication.message(&event, topic).unwrap(), event);
            }
        }
    }

    #[test]
    fn without_a_second_topic_nobody_needs_the_version_before() {
        let event = event("bill.paid", 2, r#"{"sum":7,"tip":1}"#);
        assert_eq!(*publication(&[]).message(&event, "bills").unwrap(), event);
        let moved = publication(&["moved:bills:bills.v2"]);
        assert_eq!(*moved.message(&event, "bills.v2").unwrap(), event);
    }

    #[test]
    fn what_can_not_be_brought_back_is_an_error() {
        let publication = publication(&["both:bills:bills.v2"]);
        let event = event("bill.paid", 2, r#"{"sum":7}"#);
        assert_eq!(publication.message(&event, "bills").unwrap_err().to_string(), "payload.tip: is missing");
    }
}

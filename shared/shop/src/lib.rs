//! The way between the contracts, which know no engine, and the engine, which knows no event.

pub mod outside;
mod reason;
pub mod setting;

use contracts::{Event, Invalid};
use engine::{
    effects::Fact,
    envelope::Envelope,
    participant::{Refusal, Undecodable},
};
use uuid::Uuid;

pub use reason::reason;

/// Wraps an event for publication; refused if it is not valid, since nothing wrong leaves a service.
pub fn fact(event: impl Into<Event>) -> Result<Fact, Refusal> {
    let event = event.into();
    let payload = event
        .to_payload()
        .map_err(|invalid| Refusal::Permanent(format!("{} can't be published: {invalid}", event.event_type())))?;
    Ok(Fact {
        topic: event.topic(),
        event_type: event.event_type(),
        version: event.version(),
        aggregate_id: event.order_id().to_string(),
        payload,
    })
}

/// Decodes an event of one of the `handled` types; `None` for any other.
pub fn decode(topic: &str, envelope: &Envelope, handled: &[&str]) -> Result<Option<Event>, Undecodable> {
    let event_type = envelope.event_type.as_str();
    if !handled.contains(&event_type) {
        return Ok(None);
    }
    if let Some(owner) = Event::topic_of(event_type).filter(|owner| *owner != topic) {
        return Err(Undecodable::ForeignTopic {
            event_type: event_type.to_owned(),
            owner: owner.to_owned(),
            topic: topic.to_owned(),
        });
    }
    let event = Event::parse(event_type, envelope.version, envelope.payload.get()).map_err(undecodable)?;
    if event.order_id().to_string() != envelope.aggregate_id {
        return Err(Undecodable::Payload {
            path: "payload.orderId".to_owned(),
            problem: format!("is {}, but aggregateId says {}", event.order_id(), envelope.aggregate_id),
        });
    }
    Ok(Some(event))
}

fn undecodable(invalid: Invalid) -> Undecodable {
    match invalid {
        Invalid::UnknownVersion { event_type, version, known } => {
            Undecodable::UnknownVersion { event_type, version, known: known.to_string() }
        }
        Invalid::Field { path, problem } => Undecodable::Payload { path, problem },
        Invalid::UnknownType { .. } => Undecodable::Payload { path: "type".to_owned(), problem: invalid.to_string() },
    }
}

/// An order's row key. Only keys that were made from order ids stand in these tables.
pub fn order_id(key: &str) -> Result<Uuid, Refusal> {
    key.parse().map_err(|_| Refusal::Permanent(format!("{key:?} is no order id")))
}

/// What the protocol rules out: it wakes someone, it is never a silent no-op.
pub fn cannot_happen(what: &str, state: impl std::fmt::Debug) -> Refusal {
    Refusal::Permanent(format!("{what} cannot happen here: the state is {state:?}"))
}

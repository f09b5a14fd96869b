//! From bytes to an input. Bytes that are no valid event are told apart here, before any transaction. Whatever goes wrong with
//! one message, a panic included, concerns that message alone.

use crate::{
    crash_point::reached_of,
    delivery::Delivery,
    envelope::Envelope,
    input::{DeferredEvent, Event, Inbound, Input, Origin, Unread},
    outbox::{EVENT_TYPE, EVENT_VERSION},
    panics::caught,
    participant::{DecodeError, Participant, Trigger},
    store::Failure,
    trace::TraceContext,
};

/// Looks into what was not read yet; other work stays as it is.
pub fn read_all<P: Participant>(participant: &P, inbound: &mut [Inbound<P>]) {
    for inbound in inbound {
        let (Inbound::Unread(_), Some(position)) = (&*inbound, inbound.position().cloned()) else { continue };
        match std::mem::replace(inbound, Inbound::Ignored(position)) {
            Inbound::Unread(Unread::Message(delivery)) => *inbound = receive(participant, delivery),
            Inbound::Unread(Unread::Deferred(deferred)) => *inbound = receive_again(participant, deferred),
            other => *inbound = other,
        }
    }
}

/// Reads a message.
pub fn receive<P: Participant>(participant: &P, delivery: Delivery) -> Inbound<P> {
    match read(participant, &delivery) {
        Ok(Some((trigger, envelope))) => Inbound::Input(Input {
            trigger,
            trace: TraceContext::from_headers(&delivery.headers),
            correlation_id: Some(envelope.correlation_id),
            origin: Origin::Arrival(Event {
                id: envelope.id,
                event_type: envelope.event_type,
                aggregate_id: envelope.aggregate_id,
                delivery,
            }),
        }),
        Ok(None) => Inbound::Ignored(delivery.position),
        Err(failure) => Inbound::Dead(delivery, failure),
    }
}

/// Reads a deferred event again, from its original bytes.
fn receive_again<P: Participant>(participant: &P, deferred: DeferredEvent) -> Inbound<P> {
    match read_deferred(participant, &deferred.event) {
        Ok((trigger, envelope)) => Inbound::Input(Input {
            trigger,
            trace: TraceContext::from_headers(&deferred.event.delivery.headers),
            correlation_id: Some(envelope.correlation_id),
            origin: Origin::Deferred(deferred),
        }),
        Err(failure) => Inbound::Stuck(deferred, failure),
    }
}

/// Whether a deferred event can be read now.
pub fn check<P: Participant>(participant: &P, event: &Event) -> Result<(), Failure> {
    read_deferred(participant, event).map(drop)
}

fn read_deferred<P: Participant>(participant: &P, event: &Event) -> Result<(Trigger<P>, Envelope), Failure> {
    read(participant, &event.delivery)?.ok_or_else(|| Failure {
        class: "not-handled",
        message: format!("{} is not handled by this service any more", event.event_type),
    })
}

fn read<P: Participant>(participant: &P, delivery: &Delivery) -> Result<Option<(Trigger<P>, Envelope)>, Failure> {
    if let Some(named) = named(delivery, EVENT_TYPE)
        && participant.ignores(&delivery.position.topic, named)
    {
        return Ok(None);
    }
    if let Some(Ok(key)) = delivery.key.as_deref().map(std::str::from_utf8) {
        reached_of("decode", key);
    }
    caught(|| decode(participant, delivery))
        .unwrap_or_else(|panic| Err(Failure { class: "panic", message: format!("decoding it panicked: {panic}") }))
}

fn decode<P: Participant>(participant: &P, delivery: &Delivery) -> Result<Option<(Trigger<P>, Envelope)>, Failure> {
    let envelope = Envelope::parse(delivery.key.as_deref(), delivery.payload.as_deref())
        .map_err(|error| Failure { class: "envelope", message: error.to_string() })?;
    if let Some(message) = contradiction(delivery, &envelope) {
        return Err(Failure { class: "header", message });
    }
    let event = participant.decode(&delivery.position.topic, &envelope).map_err(|error| Failure {
        class: match error {
            DecodeError::UnknownVersion { .. } => "unknown-version",
            DecodeError::ForeignTopic { .. } => "foreign-topic",
            DecodeError::Payload { .. } => "payload",
        },
        message: error.to_string(),
    })?;
    Ok(event.map(|event| (Trigger::Event(event), envelope)))
}

/// What a header says, if there is one of this name, and only one, and it is text. Headers are optional on the way in.
fn named<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    let mut found = delivery.headers.iter().filter(|header| header.is_named(name));
    match (found.next(), found.next()) {
        (Some(header), None) => std::str::from_utf8(header.value.as_deref()?).ok(),
        _ => None,
    }
}

/// A header that contradicts the body: other readers may go by it, so it is not known what was meant.
fn contradiction(delivery: &Delivery, envelope: &Envelope) -> Option<String> {
    let Envelope { event_type, version, .. } = envelope;
    if let Some(header) = named(delivery, EVENT_TYPE).filter(|header| header != event_type) {
        return Some(format!("the header {EVENT_TYPE} says {header:?}, and the body {event_type:?}"));
    }
    let header = named(delivery, EVENT_VERSION).filter(|header| header.parse() != Ok(*version))?;
    Some(format!("the header {EVENT_VERSION} says {header:?}, and the body {version}"))
}

#[cfg(test)]
#[path = "reception_tests.rs"]
mod tests;

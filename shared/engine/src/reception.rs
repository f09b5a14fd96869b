//! From bytes to an input: what is no valid event is told apart here, before any transaction.

use crate::{
    delivery::Delivery,
    envelope::Envelope,
    input::{Event, HeldEvent, Input, Source, Work},
    participant::{Participant, Undecodable, What},
    store::Failure,
    trace::TraceContext,
};

/// Reads a message: work to do, or `None` for a type that this service does not handle.
pub fn receive<P: Participant>(participant: &P, delivery: Delivery) -> Option<Work<P>> {
    match read(participant, &delivery) {
        Ok(Some((what, envelope))) => Some(Work::Input(Input {
            what,
            trace: TraceContext::from_headers(&delivery.headers),
            correlation_id: Some(envelope.correlation_id),
            source: Source::Arrival(Event {
                id: envelope.id,
                event_type: envelope.event_type,
                aggregate_id: envelope.aggregate_id,
                delivery,
            }),
        })),
        Ok(None) => None,
        Err(failure) => Some(Work::Dead(delivery, failure)),
    }
}

/// Reads a held event again, from its original bytes. `redrive` says that somebody asked for it.
pub fn receive_again<P: Participant>(participant: &P, held: HeldEvent) -> Result<Input<P>, Failure> {
    let delivery = &held.event.delivery;
    let (what, envelope) = read(participant, delivery)?.ok_or_else(|| Failure {
        class: "not-handled",
        message: format!("{} is not handled by this service any more", held.event.event_type),
    })?;
    Ok(Input {
        what,
        trace: TraceContext::from_headers(&delivery.headers),
        correlation_id: Some(envelope.correlation_id),
        source: Source::Held(held),
    })
}

fn read<P: Participant>(participant: &P, delivery: &Delivery) -> Result<Option<(What<P>, Envelope)>, Failure> {
    let envelope = Envelope::parse(delivery.key.as_deref(), delivery.payload.as_deref())
        .map_err(|error| Failure { class: "envelope", message: error.to_string() })?;
    let event = participant.decode(&delivery.position.topic, &envelope).map_err(|error| Failure {
        class: match error {
            Undecodable::UnknownVersion { .. } => "unknown-version",
            Undecodable::ForeignTopic { .. } => "foreign-topic",
            Undecodable::Payload { .. } => "payload",
        },
        message: error.to_string(),
    })?;
    Ok(event.map(|event| (What::Event(event), envelope)))
}

//! One input on its way through the handler, and what became of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    delivery::{Delivery, Position},
    participant::{Participant, Refusal, Trigger},
    store::{Deadline, DeferredStatus, Failure, PendingCall},
    trace::TraceContext,
};

/// A thing to do: an input for the rules, or a message that can never be one.
#[derive(Debug)]
pub enum Inbound<P: Participant> {
    /// Not looked into yet: that is done where a message that ends the process can be told apart.
    Unread(Unread),
    /// For the rules.
    Input(Input<P>),
    /// A message that can never be an input.
    Dead(Delivery, Failure),
    /// A deferred event that can't be read now, as by an older version of this service: it stays deferred.
    Stuck(DeferredEvent, Failure),
    /// A message of a type that this service does not handle.
    Ignored(Position),
}

/// A message as it came.
#[derive(Debug)]
pub enum Unread {
    /// Straight from Kafka.
    Message(Delivery),
    /// Deferred, with its original bytes.
    Deferred(DeferredEvent),
}

impl<P: Participant> Inbound<P> {
    /// The aggregate that it is about, as far as that is known; `None` for a client's command, which has no order.
    pub fn aggregate_id(&self) -> Option<&str> {
        match self {
            Self::Unread(Unread::Message(delivery)) | Self::Dead(delivery, _) => {
                delivery.key.as_deref().and_then(|key| std::str::from_utf8(key).ok())
            }
            Self::Unread(Unread::Deferred(deferred)) | Self::Stuck(deferred, _) => Some(&deferred.event.aggregate_id),
            Self::Ignored(_) => None,
            Self::Input(input) => match &input.origin {
                Origin::Arrival(event) => Some(&event.aggregate_id),
                Origin::Deferred(deferred) => Some(&deferred.event.aggregate_id),
                Origin::Deadline(deadline) => Some(&deadline.aggregate_id),
                Origin::Call(call) => Some(&call.aggregate_id),
                Origin::Client => None,
            },
        }
    }

    /// The place under which it is written down while it is under way: a message's place in Kafka. A deadline or a call has its row's
    /// id in the form of a place, and a client's command a digest of what it says.
    pub fn under_way(&self, participant: &P) -> Position {
        let named = |kind: &str, id: Uuid| Position { topic: format!("{kind}:{id}").into(), partition: 0, offset: 0 };
        let said = |text: &str| named("command", Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()));
        match self {
            Self::Input(Input { origin: Origin::Deadline(deadline), .. }) => named("deadline", deadline.id),
            Self::Input(Input { origin: Origin::Call(call), .. }) => named("call", call.id),
            Self::Input(Input { trigger: Trigger::Command(command), .. }) => said(&participant.command_text(command)),
            _ => self.position().cloned().unwrap_or_else(|| said("")),
        }
    }

    /// Whether it comes again if it is set aside: a deadline or an answer stands in its row, and a client may repeat a command.
    pub(crate) fn comes_again(&self) -> bool {
        matches!(self, Self::Input(Input { origin: Origin::Deadline(_) | Origin::Call(_) | Origin::Client, .. }))
    }

    /// The message's place in Kafka; `None` for what never was there.
    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Ignored(position) => Some(position),
            _ => self.delivery().map(|delivery| &delivery.position),
        }
    }

    /// The message as it was consumed; `None` for what never was one, or is ignored.
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        match self {
            Self::Unread(Unread::Message(delivery)) | Self::Dead(delivery, _) => Some(delivery),
            Self::Unread(Unread::Deferred(deferred)) | Self::Stuck(deferred, _) => Some(&deferred.event.delivery),
            Self::Input(input) => input.origin.event().map(|event| &event.delivery),
            Self::Ignored(_) => None,
        }
    }
}

/// An input with all that its consequences inherit from it.
#[derive(Debug)]
pub struct Input<P: Participant> {
    /// What happened.
    pub trigger: Trigger<P>,
    /// `None` where this input starts the saga: its events then take their aggregate's id.
    pub correlation_id: Option<String>,
    /// The trace context that it was written in.
    pub trace: TraceContext,
    /// Where it comes from, which says how it is done with.
    pub origin: Origin,
}

/// Where an input comes from, which says how it is done with.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Straight from Kafka.
    Arrival(Event),
    /// An event that was deferred: due again, next in its queue, or redriven.
    Deferred(DeferredEvent),
    /// A deadline row.
    Deadline(Deadline),
    /// A pending call that was answered.
    Call(PendingCall),
    /// A client who waits for the reply.
    Client,
}

/// What the engine itself knows of an event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// The message, with its original bytes.
    pub delivery: Delivery,
}

/// A deferred event, back for another try.
#[derive(Clone, Debug)]
pub struct DeferredEvent {
    /// Its number in its table.
    pub number: i64,
    /// The event.
    pub event: Event,
    /// Failed attempts so far.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// An operator asked for it: a parked event goes through only then.
    pub redrive: bool,
    /// The time of its id had not come when it was deferred, so it has no inbox row yet.
    pub early: bool,
}

impl Origin {
    pub(crate) fn event(&self) -> Option<&Event> {
        match self {
            Self::Arrival(event) => Some(event),
            Self::Deferred(deferred) => Some(&deferred.event),
            Self::Deadline(_) | Self::Call(_) | Self::Client => None,
        }
    }

    /// The id of the row that waits for this input.
    pub(crate) fn row(&self) -> Option<Uuid> {
        match self {
            Self::Deadline(deadline) => Some(deadline.id),
            Self::Call(call) => Some(call.id),
            Self::Arrival(_) | Self::Deferred(_) | Self::Client => None,
        }
    }

    /// The event that directly led here.
    pub(crate) fn causation_id(&self) -> Option<Uuid> {
        match self {
            Self::Call(call) => call.causation_id,
            other => other.event().map(|event| event.id),
        }
    }
}

/// What became of an input. All of these are done with, except `Refused`.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<R> {
    /// The rules took it; a client's command carries its reply.
    Applied(Option<R>),
    /// It had its one effect before.
    Repeat,
    /// Kept in the service's tables, with its bytes.
    Deferred(DeferredStatus),
    /// Dead-lettered, parking no key.
    Dead,
    /// The deadline, call or deferred event was settled by another meanwhile, or has to wait its turn.
    Gone,
    /// Nothing that this service handles.
    Ignored,
    /// A command, deadline or answer that the rules refused. Deadlines and calls stay and come again.
    Refused(Refusal),
}

/// The verdicts' names, in logs, spans and metrics.
pub const VERDICTS: [&str; 9] =
    ["applied", "repeated", "retrying", "queued", "parked", "dead", "gone", "refused", "ignored"];
/// The place of `retrying` in [`VERDICTS`].
pub const RETRYING: usize = 2;

impl<R> Verdict<R> {
    /// Its place in [`VERDICTS`].
    pub fn index(&self) -> usize {
        match self {
            Self::Applied(_) => 0,
            Self::Repeat => 1,
            Self::Deferred(DeferredStatus::Retrying) => RETRYING,
            Self::Deferred(DeferredStatus::Queued) => 3,
            Self::Deferred(DeferredStatus::Parked) => 4,
            Self::Dead => 5,
            Self::Gone => 6,
            Self::Refused(_) => 7,
            Self::Ignored => 8,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        VERDICTS[self.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_counted_under_its_own_name() {
        let deferred = |status| Verdict::<()>::Deferred(status);
        let verdicts = [
            (Verdict::Applied(None), "applied"),
            (Verdict::Repeat, "repeated"),
            (deferred(DeferredStatus::Retrying), "retrying"),
            (deferred(DeferredStatus::Queued), "queued"),
            (deferred(DeferredStatus::Parked), "parked"),
            (Verdict::Dead, "dead"),
            (Verdict::Gone, "gone"),
            (Verdict::Refused(Refusal::Permanent("no".into())), "refused"),
            (Verdict::Ignored, "ignored"),
        ];
        for (verdict, name) in &verdicts {
            assert_eq!(verdict.name(), *name);
        }
        assert_eq!((verdicts.len(), VERDICTS[RETRYING]), (VERDICTS.len(), "retrying"));
    }
}

//! An input together with what waits for its end.

use std::sync::{Arc, Mutex};

use super::search::Found;
use crate::{
    calls::{self, LateAnswer},
    commands::ReplyError,
    delivery::Delivery,
    input::{Inbound, Input, Origin, Unread, Verdict},
    offsets::Offsets,
    participant::{Answer, Participant, Trigger},
    store::{Deadline, PendingCall},
    trace::TraceContext,
};

/// A client that waits for a command's reply is told it once.
pub type Reply<R> = Box<dyn FnOnce(Result<R, ReplyError>) + Send>;

/// A client's command on its way to the handler.
pub struct Asked<P: Participant> {
    /// The command.
    pub command: P::Command,
    /// The trace context of the request.
    pub trace: TraceContext,
    /// The client that waits.
    pub reply: Reply<P::Reply>,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client's command.
    Command,
    /// The answer to an external call.
    Answer,
    /// A deadline that has come due.
    Deadline,
    /// An event.
    Event,
}

impl Kind {
    /// In the order in which they are taken.
    pub const ALL: [Self; 4] = [Self::Command, Self::Answer, Self::Deadline, Self::Event];

    /// Its name, in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "commands",
            Self::Answer => "answers",
            Self::Deadline => "deadlines",
            Self::Event => "events",
        }
    }
}

/// An input that waits for its transaction.
pub(super) struct Item<P: Participant> {
    pub inbound: Inbound<P>,
    pub then: Then<P>,
}

/// What follows from the end of an input.
pub(super) enum Then<P: Participant> {
    /// The message's offset is done with, if its partition is still that of this assignment.
    Offset(Option<u64>),
    /// A client gets a reply.
    Reply(Reply<P::Reply>),
    /// An answer that finds its call gone may contradict what an operator said.
    Answer(Answer),
    /// Deadlines are looked for again once all that were found are done with.
    Deadline(#[expect(dead_code, reason = "dropping it says so")] Found),
}

/// Offsets that the loop beside takes note of, too.
pub(super) type SharedOffsets = Arc<Mutex<Offsets>>;

impl<P: Participant> Item<P> {
    pub fn message(delivery: Delivery, since: Option<u64>) -> Self {
        Self { inbound: Inbound::Unread(Unread::Message(delivery)), then: Then::Offset(since) }
    }

    pub fn command(Asked { command, trace, reply }: Asked<P>) -> Self {
        let inbound = Inbound::Input(Input {
            trigger: Trigger::Command(command),
            correlation_id: None,
            trace,
            origin: Origin::Client,
        });
        Self { inbound, then: Then::Reply(reply) }
    }

    pub fn answer(call: &PendingCall, answer: Answer) -> Self {
        Self { inbound: calls::answered(call, answer.clone()), then: Then::Answer(answer) }
    }

    pub fn deadline(deadline: Deadline, found: Found) -> Self {
        Self { inbound: crate::deadlines::input(deadline), then: Then::Deadline(found) }
    }

    pub fn kind(&self) -> Kind {
        match self.then {
            Then::Reply(_) => Kind::Command,
            Then::Answer(_) => Kind::Answer,
            Then::Deadline(_) => Kind::Deadline,
            Then::Offset(_) => Kind::Event,
        }
    }

    /// From here on its offset is not passed before it is done with.
    pub fn take_offset(&self, offsets: &mut Offsets) {
        if let (Then::Offset(since), Some(at)) = (&self.then, self.inbound.position()) {
            offsets.take(at, *since);
        }
    }

    /// Whether the partition that it came from is still that of the assignment in which it was taken.
    pub fn is_owned(&self, owned_since: impl Fn(&str, i32) -> Option<u64>) -> bool {
        match (&self.then, self.inbound.position()) {
            (Then::Offset(since), Some(at)) => since.is_some() && owned_since(&at.topic, at.partition) == *since,
            _ => true,
        }
    }

    /// It is done with.
    pub fn settle(self, verdict: &mut Verdict<P::Reply>, offsets: &mut Offsets, late: &mut Vec<LateAnswer>) {
        match (self.then, &self.inbound) {
            (Then::Offset(since), inbound) => {
                if let Some(position) = inbound.position() {
                    offsets.done(position, since);
                }
            }
            (Then::Reply(reply), _) => reply(match verdict {
                Verdict::Applied(said) => {
                    said.take().ok_or_else(|| ReplyError::Unknown("the rules gave no reply".into()))
                }
                Verdict::Refused(refusal) => Err(ReplyError::Refused(refusal.clone())),
                _ => Err(ReplyError::Unknown("the rules gave no reply".into())),
            }),
            (Then::Answer(answer), Inbound::Input(Input { origin: Origin::Call(call), .. })) => {
                if matches!(verdict, Verdict::Gone) {
                    late.push(LateAnswer { call: call.id, answer });
                }
            }
            (Then::Answer(_) | Then::Deadline(_), _) => {}
        }
    }

    /// Whether a command was done is not known: its client is told so, and has the key to ask.
    pub fn answer_unknown(self, why: &str) {
        if let Then::Reply(reply) = self.then {
            reply(Err(ReplyError::Unknown(why.to_owned())));
        }
    }

    /// Bytes of its message.
    pub fn size(&self) -> usize {
        match &self.inbound {
            Inbound::Unread(Unread::Message(delivery)) | Inbound::Dead(delivery, _) => delivery.size(),
            Inbound::Input(input) => input.origin.event().map_or(0, |event| event.delivery.size()),
            Inbound::Unread(Unread::Deferred(_)) | Inbound::Stuck(..) | Inbound::Ignored(_) => 0,
        }
    }
}

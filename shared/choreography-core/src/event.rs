//! Events: what happened, as services publish it.

use std::fmt;

use crate::{DecodeError, Refusal};

/// A type of event, as a contract declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its name on the wire, such as `order.placed`.
    pub name: &'static str,
    /// The version of its payload that this build writes.
    pub version: u32,
    /// The topic of its owner. An event of this type on any other topic is dead-lettered.
    pub topic: &'static str,
    /// The one service that publishes it.
    pub owner: &'static str,
}

/// A type of event with its payload.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "this needs a type, a topic and an owner",
    note = "implement `Event` for it, as a crate of contracts does"
)]
pub trait Event: fmt::Debug + Send + Sync + Sized + 'static {
    /// Its name, version, topic and owner.
    const TYPE: EventType;
    /// All types of the choreography that this one belongs to: those that a service may meet on the topics that it reads.
    const FAMILY: &'static [EventType];

    /// The versions of it that [`read`](Self::read) takes, in ascending order; the one that is written is among them.
    const READS: &'static [u32] = &[Self::TYPE.version];

    /// The JSON Schema of its payload, as this build reads and writes it; `None` where there is none. With it the check of the
    /// choreography compares the fields that are written with those that are read.
    fn schema() -> Option<String> {
        None
    }

    /// What it is about: the Kafka key. Events of one aggregate keep their order. The same for the same event, always.
    fn aggregate_id(&self) -> String;

    /// Reads and validates a payload. Called for each event of a handled type that arrives, before any transaction and without locks,
    /// again when a deferred one is tried; so it does nothing but read.
    ///
    /// # Errors
    /// [`DecodeError`] says which field or version is wrong. The event is dead-lettered then.
    fn read(version: u32, payload: &str) -> Result<Self, DecodeError>;

    /// The payload's JSON, validated, since nothing wrong leaves a service. Called when a rule publishes it, within the transaction.
    ///
    /// # Errors
    /// The rule that wanted to publish it is refused for good.
    fn write(&self) -> Result<String, Refusal>;
}

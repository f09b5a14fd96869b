//! What a service brings: its events, its tables' rows and its rules. Plain, synchronous functions without I/O.

use std::{fmt::Debug, hash::Hash};

pub use crate::{Answer, DecodeError, Refusal};
use chrono::{DateTime, Utc};

use crate::{
    effects::Effects,
    envelope::Envelope,
    rows::{Rows, Touch},
};

/// A service as the engine's steps drive it. Services are written as [`Service`](crate::routes::Service), from which this follows.
///
/// For each batch of inputs the engine asks which rows they touch, locks those that are there table by table,
/// then calls [`decide`](Participant::decide) once per input, in order, on the rows in memory. What the rules change
/// and publish is written back set-based, in the same transaction as the inbox.
pub trait Participant: Sized + Send + Sync + 'static {
    /// The service's tables, whose rows the rules read and change.
    type Table: Copy + Eq + Ord + Hash + Debug + Send + Sync + 'static;
    /// A row of any of them.
    type Row: Clone + PartialEq + Debug + Send + Sync + 'static;
    /// The events that it handles, decoded.
    type Event: Debug + Send + Sync + 'static;
    /// What its own clients ask of it.
    type Command: Debug + Send + Sync + 'static;
    /// What a client is told.
    type Reply: Debug + Send + Sync + 'static;
    /// Append-only notes beside the rows: histories, ledgers.
    type Record: Clone + Debug + Send + Sync + 'static;

    /// The service's name: its consumer group, the `source` of its events, the consumer of its inbox.
    fn name(&self) -> &'static str;

    /// All tables in the one order in which every transaction locks them.
    fn tables(&self) -> &[Self::Table];
    /// The table whose rows are the aggregates that its events are about, keyed by their ids.
    fn aggregates(&self) -> Option<Self::Table> {
        None
    }
    /// The table in whose rows the engine counts how many events each aggregate has published, so that a relay knows from an event's
    /// number alone whether it has the one before: that of the aggregates. `None` of a service that publishes to several topics: order
    /// is promised within a topic, and one may be away while another takes what an aggregate published later.
    fn counts(&self) -> Option<Self::Table> {
        self.aggregates().filter(|_| self.writes().len() <= 1)
    }
    /// The topics that it reads.
    fn reads(&self) -> &[&'static str];
    /// The topics that its events go to.
    fn writes(&self) -> &[&'static str];

    /// The row that stands for "nothing known yet": what a rule finds where there is no row. Written by it, the row is inserted;
    /// if another transaction inserts it first, the batch is done anew.
    fn absent(&self, table: Self::Table) -> Self::Row;

    /// What a command says. A client that repeats a command says the same, so what was minted for this one try is left out.
    fn command_text(&self, command: &Self::Command) -> String {
        format!("{command:?}")
    }

    /// Whether this service ignores events of this type on this topic: it has declared so, and the topic's owner publishes them
    /// there. A message whose header names such a type is skipped without being read.
    fn ignores(&self, topic: &str, event_type: &str) -> bool {
        let _ = (topic, event_type);
        false
    }

    /// Decodes an event: `Ok(None)` for a type that this service does not handle.
    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Self::Event>, DecodeError>;

    /// Whether the event is a compensation, which overtakes parked events of its key.
    fn overtakes(&self, event: &Self::Event) -> bool;

    /// Whether `trigger` names rows of `table` at all; [`touches`](Self::touches) says which ones.
    fn names(&self, table: Self::Table, trigger: &Trigger<Self>) -> bool;

    /// Whether [`touches`](Self::touches) looks into the rows of the tables before this one: these are locked and read first then, which
    /// costs a round trip. Only asked where `trigger` names rows of the table.
    fn names_by_rows(&self, _table: Self::Table, _trigger: &Trigger<Self>) -> bool {
        true
    }

    /// The rows of `table` that `trigger` may read or change. `rows` holds what was locked in the tables before it.
    fn touches(&self, table: Self::Table, trigger: &Trigger<Self>, rows: &Rows<Self>, touched: &mut Vec<Touch>);

    /// The rule. Returning a [`Refusal`] (or panicking) undoes this input's changes alone.
    fn decide(
        &self,
        trigger: &Trigger<Self>,
        rows: &mut Rows<Self>,
        now: DateTime<Utc>,
    ) -> Result<Effects<Self>, Refusal>;
}

/// What happened: everything that can move a saga goes through the handler as one of these.
#[derive(Debug)]
pub enum Trigger<P: Participant> {
    /// Another service's event.
    Event(P::Event),
    /// A client's wish.
    Command(P::Command),
    /// A deadline that the service set earlier has passed.
    Deadline {
        /// The aggregate that it was set for.
        aggregate_id: String,
        /// Its name.
        name: String,
    },
    /// The answer to an external call that the service asked for earlier.
    Answer {
        /// The aggregate that the call was about.
        aggregate_id: String,
        /// Names the call within the aggregate.
        step: String,
        /// Yes or no.
        answer: Answer,
    },
}

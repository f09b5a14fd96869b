//! Rows of the engine's own tables, as its steps hand them to the database.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    delivery::Delivery,
    trace::{Header, TraceContext},
};

/// A message that waits to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxMessage {
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The payload.
    pub payload: Option<Vec<u8>>,
    /// The headers, in their order.
    pub headers: Vec<Header>,
    /// The aggregate's own number of this event: 1 is its first, and there are no gaps. `None` where it is not known how many it
    /// has published, and for what is no event of an aggregate.
    pub nth: Option<i64>,
}

impl OutboxMessage {
    /// Bytes as Kafka's client counts them against its limit.
    pub fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        crate::wire_size::message(length(&self.key), length(&self.payload), &self.headers)
    }
}

/// A deadline as it stands in the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Deadline {
    /// Its id.
    pub id: Uuid,
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Its name.
    pub name: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// The saga that it belongs to.
    pub correlation_id: String,
    /// The trace context that it was written in.
    pub trace: TraceContext,
    /// How often it was refused since it was set.
    pub attempts: u32,
    /// What went wrong at the last try.
    pub last_error: Option<String>,
    /// When it is tried again after it was refused.
    pub not_before: Option<DateTime<Utc>>,
}

impl Deadline {
    /// When it is looked at next.
    pub fn next_at(&self) -> DateTime<Utc> {
        self.not_before.unwrap_or(self.due_at)
    }
}

/// An external call that is to be made, or was begun and has no answer yet.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingCall {
    /// Its id.
    pub id: Uuid,
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate.
    pub step: String,
    /// JSON.
    pub request: String,
    /// The saga that it belongs to.
    pub correlation_id: String,
    /// The event that led to it, if one did.
    pub causation_id: Option<Uuid>,
    /// The trace context that it was written in.
    pub trace: TraceContext,
    /// How often a call was begun before this one.
    pub attempts: u32,
    /// When it was written down.
    pub requested_at: DateTime<Utc>,
}

impl PendingCall {
    /// The key under which the provider recognises a repeat: the order and the step, so it survives any crash.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.aggregate_id, self.step)
    }
}

/// A call whose answer was refused: it stays open and is asked about again.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedCall {
    /// The call.
    pub call: PendingCall,
    /// When it is asked about again.
    pub not_before: DateTime<Utc>,
    /// What went wrong.
    pub error: String,
    /// What it asks for from now on, if that has changed meanwhile.
    pub amended: Option<String>,
}

/// What an open call asks for from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct AmendedCall {
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate.
    pub step: String,
    /// JSON.
    pub request: String,
}

/// How an event is deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeferredStatus {
    /// It failed for a passing reason and is tried again when due.
    Retrying,
    /// It waits behind another event of its key.
    Queued,
    /// It was refused, or its attempts are spent: an operator has to redrive or discard it.
    Parked,
}

/// A deferred event, as far as the queue of its key needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deferred {
    /// The key.
    pub key: String,
    /// Its number in its table.
    pub number: i64,
    /// How it is deferred.
    pub status: DeferredStatus,
    /// It is a compensation.
    pub overtakes: bool,
    /// Failed attempts so far.
    pub attempts: u32,
    /// It has no inbox row yet.
    pub early: bool,
}

/// An event to defer, with its original bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct DeferEvent {
    /// The key.
    pub key: String,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// How it is deferred.
    pub status: DeferredStatus,
    /// The message, with its original bytes.
    pub delivery: Delivery,
    /// `None` for one that merely queues.
    pub failure: Option<Failure>,
    /// How long it waits for the next try.
    pub retry_in: TimeDelta,
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// It is a compensation.
    pub overtakes: bool,
    /// The time of its id has not come, so it has no inbox row yet.
    pub early: bool,
}

/// What went wrong, in words for headers, the admin API and logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// One of few words: it becomes a label.
    pub class: &'static str,
    /// In words.
    pub message: String,
}

/// A deferred event that failed once more.
#[derive(Clone, Debug, PartialEq)]
pub struct DeferredFailure {
    /// Its number in its table.
    pub number: i64,
    /// How it is deferred.
    pub status: DeferredStatus,
    /// What went wrong.
    pub failure: Failure,
    /// Failed attempts so far.
    pub attempts: u32,
    /// How long it waits for the next try.
    pub retry_in: TimeDelta,
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// It has no inbox row yet.
    pub early: bool,
}

/// A message that is no event this service could ever handle.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadMessage {
    /// The message, with its original bytes.
    pub delivery: Delivery,
    /// What went wrong.
    pub failure: Failure,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_call_is_its_aggregate_and_its_step() {
        let call = PendingCall {
            id: Uuid::nil(),
            aggregate_id: "o1".into(),
            step: "charge".into(),
            request: "{}".into(),
            correlation_id: "s".into(),
            causation_id: None,
            trace: TraceContext::default(),
            attempts: 3,
            requested_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(call.idempotency_key(), "o1/charge");
    }
}

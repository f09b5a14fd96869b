//! The database as the engine's steps see it: one method, one statement. Implemented by `postgres` with SQL and by
//! the simulation with a model whose transactions interleave at every one of these calls.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    delivery::{Delivery, Position},
    participant::Participant,
    trace::{Header, TraceContext},
};

/// Why a statement failed. The kind decides what the engine does next.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The database is away or broken for everybody: wait, then try the same again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Somebody else holds what this needs, or a partition is missing: it concerns this work only and may pass.
    #[error("the database could not do this now: {0}")]
    Contention(String),
    /// It concerns this work only and trying again can't help: the database refuses its data, or a row that it needs
    /// can't be read by this version.
    #[error("the database refuses the data: {0}")]
    Data(String),
}

/// Opens transactions (READ COMMITTED).
pub trait Database<P: Participant>: Send + Sync + 'static {
    /// Dropped without a commit, it is rolled back.
    type Transaction: Transaction<P>;
    /// Opens a transaction.
    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, StoreError>> + Send;

    /// How often the process crashed while it handled each message; in the order of `messages`.
    fn crashes(&self, messages: &[Position]) -> impl Future<Output = Result<Vec<Crashes>, StoreError>> + Send;
    /// Writes down, at once, that this process has these messages under way and how far it came.
    fn begin_messages(
        &self,
        messages: &[Position],
        stage: Stage,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Forgets what was written down of these messages: their handling ended.
    fn end_messages(&self, messages: &[Position]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Whether this message, or its place alone, is kept as a dead message, or it is held.
    fn is_kept(&self, message: &Delivery) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// One transaction. Dropping it without [`commit`](Transaction::commit) rolls it back.
///
/// Callers pass keys and ids sorted and without repeats, so that all transactions lock in one order.
pub trait Transaction<P: Participant>: Send {
    /// The database's clock, and for which of these aggregates events are held. Nothing is locked.
    fn open(&mut self, keys: &[String]) -> impl Future<Output = Result<Opening, StoreError>> + Send;

    /// From here on this transaction waits for locks only for a moment. A table that is locked as a whole concerns
    /// everybody ([`StoreError::Unavailable`]).
    fn hurry(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Inserts inbox rows of this consumer and returns the ids that were not there yet. Waits for a concurrent
    /// transaction that is inserting the same id.
    fn insert_inbox(&mut self, ids: &[Uuid]) -> impl Future<Output = Result<HashSet<Uuid>, StoreError>> + Send;

    /// Those of these ids that the inbox has. Waits for nobody.
    fn in_inbox(&mut self, ids: &[Uuid]) -> impl Future<Output = Result<HashSet<Uuid>, StoreError>> + Send;

    /// Inserts the rows that are missing, in their `absent` state.
    fn ensure_rows(&mut self, table: P::Table, keys: &[String]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Locks rows (FOR UPDATE) in key order and reads them.
    fn lock_rows(
        &mut self,
        table: P::Table,
        keys: &[String],
    ) -> impl Future<Output = Result<Vec<(String, P::Row)>, StoreError>> + Send;
    /// As [`ensure_rows`](Self::ensure_rows) and [`lock_rows`](Self::lock_rows), but waits for no row: those that
    /// others have locked are named instead.
    fn lock_free_rows(
        &mut self,
        table: P::Table,
        keys: &[String],
    ) -> impl Future<Output = Result<FreeRows<P>, StoreError>> + Send;
    /// Inserts rows under keys that were newly minted.
    fn insert_rows(
        &mut self,
        table: P::Table,
        rows: &[(String, P::Row)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Overwrites rows that are locked.
    fn update_rows(
        &mut self,
        table: P::Table,
        rows: &[(String, P::Row)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Appends to the service's own histories.
    fn append_records(&mut self, records: &[P::Record]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Appends outbox rows; their numbers are drawn here, under the locks of the aggregates.
    fn append_outbox(&mut self, messages: &[OutboxMessage]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Sets deadlines, or sets them anew, by aggregate and name.
    fn set_deadlines(&mut self, deadlines: &[Deadline]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Deletes deadlines by aggregate and name; those that are gone already are passed over.
    fn settle_deadlines(&mut self, names: &[(String, String)]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Deletes deadlines that have come due and returns those that were still there, with how often they were refused by
    /// then. Their aggregates are locked.
    fn take_deadlines(&mut self, ids: &[Uuid]) -> impl Future<Output = Result<HashMap<Uuid, u32>, StoreError>> + Send;
    /// Has deadlines wait whose aggregates are not locked, counts the attempt, and returns those that were still there.
    /// The rows stay where they are, so that whoever settles them meanwhile finds them.
    fn postpone_deadlines(
        &mut self,
        postponed: &[Deadline],
    ) -> impl Future<Output = Result<HashSet<Uuid>, StoreError>> + Send;

    /// Writes down external calls; nobody else takes them up before `not_before`.
    fn insert_intents(
        &mut self,
        intents: &[Intent],
        not_before: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Deletes answered intents and returns those that were still open, as they stood by then. Their aggregates are locked.
    fn take_intents(
        &mut self,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<HashMap<Uuid, TakenIntent>, StoreError>> + Send;
    /// Puts intents back that were taken and whose answers were refused.
    fn reopen_intents(&mut self, refused: &[RefusedIntent]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Has open intents wait whose aggregates are not locked, and returns those that were still open. The rows stay where
    /// they are, so that whoever amends them meanwhile finds them.
    fn postpone_intents(
        &mut self,
        refused: &[RefusedIntent],
    ) -> impl Future<Output = Result<HashSet<Uuid>, StoreError>> + Send;

    /// Changes what open intents ask for, and lets them be claimed at once; answered ones are passed over.
    fn amend_intents(&mut self, amended: &[AmendedIntent]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Locks the held events of these aggregates, in number order, and reads how they stand.
    fn held(&mut self, keys: &[String]) -> impl Future<Output = Result<Vec<Held>, StoreError>> + Send;
    /// Holds events; passes over those already held, by their event id. One that was held early and comes again in
    /// its time is early no more: it has its inbox row now.
    fn hold(&mut self, events: &[HoldEvent]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Writes down that held events failed once more.
    fn hold_again(&mut self, failures: &[HeldFailure]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Lets go of held events that were handled after all.
    fn let_go(&mut self, numbers: &[i64]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Keeps messages that never can be handled as they are; returns the positions that were not kept before.
    fn bury(&mut self, dead: &[DeadMessage]) -> impl Future<Output = Result<HashSet<Position>, StoreError>> + Send;

    /// Commits. An error leaves open whether that happened.
    fn commit(self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// How far the handling of a message came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is to be decoded.
    #[default]
    Begun,
    /// It was decoded, and its transaction is to begin.
    Decoded,
    /// It is to be set aside.
    SettingAside,
}

/// How often runs crashed while they had a message under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crashes {
    /// Runs that crashed over it.
    pub times: u32,
    /// The furthest that one of them came.
    pub stage: Stage,
}

/// What a transaction knows before it locks anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opening {
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// Aggregates of which an event is held.
    pub held: HashSet<String>,
    /// Aggregates of which a compensation is held that is not parked.
    pub overtaking: HashSet<String>,
}

/// Rows that were free.
#[derive(Debug)]
pub struct FreeRows<P: Participant> {
    /// Locked by this transaction now.
    pub rows: Vec<(String, P::Row)>,
    /// Keys whose rows others have locked.
    pub locked: Vec<String>,
}

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

/// An outside call that is to be made, or was begun and has no answer yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
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
    pub intended_at: DateTime<Utc>,
}

impl Intent {
    /// The key under which the provider recognises a repeat: the order and the step, so it survives any crash.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.aggregate_id, self.step)
    }
}

/// What can change of an open intent while its call is under way, when it is amended or claimed again.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenIntent {
    /// JSON.
    pub request: String,
    /// Failed attempts so far.
    pub attempts: u32,
}

/// An intent whose answer was refused: it stays open and is asked about again.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedIntent {
    /// The call.
    pub intent: Intent,
    /// When it is asked about again.
    pub not_before: DateTime<Utc>,
    /// What went wrong.
    pub error: String,
}

/// What an open intent asks for from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct AmendedIntent {
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate.
    pub step: String,
    /// JSON.
    pub request: String,
}

/// How an event is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldStatus {
    /// It failed for a passing reason and is tried again when due.
    Retrying,
    /// It waits behind another event of its key.
    Queued,
    /// It was refused, or its attempts are spent: somebody has to redrive or discard it.
    Parked,
}

/// A held event, as far as the queue of its key needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The key.
    pub key: String,
    /// Its number in its table.
    pub number: i64,
    /// How it is held.
    pub status: HeldStatus,
    /// It is a compensation.
    pub overtakes: bool,
    /// Failed attempts so far.
    pub attempts: u32,
    /// It has no inbox row yet.
    pub early: bool,
}

/// An event to hold, with its original bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldEvent {
    /// The key.
    pub key: String,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// How it is held.
    pub status: HeldStatus,
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

/// A held event that failed once more.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldFailure {
    /// Its number in its table.
    pub number: i64,
    /// How it is held.
    pub status: HeldStatus,
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
        let intent = Intent {
            id: Uuid::nil(),
            aggregate_id: "o1".into(),
            step: "charge".into(),
            request: "{}".into(),
            correlation_id: "s".into(),
            causation_id: None,
            trace: TraceContext::default(),
            attempts: 3,
            intended_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(intent.idempotency_key(), "o1/charge");
    }
}

//! The database as the engine's steps see it. Implemented by `choreography-postgres` with SQL, and by the simulator with a
//! model whose transactions interleave at every statement and within them.

mod lock;
mod rows;
mod write;

use std::future::Future;

use chrono::{DateTime, Utc};

pub use lock::{Found, Wanted, WantedRows};
pub use rows::{
    AmendedCall, DeadMessage, Deadline, DeferEvent, Deferred, DeferredFailure, DeferredStatus, Failure, OutboxMessage,
    PendingCall, RefusedCall,
};
pub use write::{Calls, Deadlines, DeferredEvents, Inbox, Lost, TableChanges, Writing, Written};

use crate::{
    delivery::{Delivery, Position},
    participant::Participant,
};

/// Why a statement failed. The kind decides what the engine does next.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database is away or broken for every input: wait, then try the same again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Another transaction holds a lock that this one needs, or a partition is missing: it concerns this work only and may pass.
    #[error("the database could not do this now: {0}")]
    Contention(String),
    /// It concerns this work only and trying again can't help: the database refuses its data.
    #[error("the database refuses the data: {0}")]
    Data(String),
    /// It concerns this work only: a row that it needs can't be read by this version. A replica of a newer version may read it, so
    /// trying again can help.
    #[error("this version can't read a row: {0}")]
    Unreadable(String),
}

/// Opens transactions (READ COMMITTED).
pub trait Database<P: Participant>: Send + Sync + 'static {
    /// Dropped without a commit, it is rolled back.
    type Transaction: Transaction<P>;
    /// Opens a transaction. A hurried one finds out at once whether another session has a
    /// table locked as a whole: that concerns every input ([`StoreError::Unavailable`]).
    fn begin(&self, waits: Waits) -> impl Future<Output = Result<Self::Transaction, StoreError>> + Send;
    /// Begins an [optimistic](Transaction#optimistic-ones) transaction, without asking the database anything. `None`: it can't be had now.
    fn begin_optimistic(&self) -> impl Future<Output = Option<Self::Transaction>> + Send;

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
    /// Whether this message, or its place alone, is kept as a dead message, or it is deferred.
    fn is_kept(&self, message: &Delivery) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// How long a transaction waits for a lock that another has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Waits {
    /// As long as the session's own limit allows, which is seconds.
    #[default]
    Long,
    /// For a moment, which is longer than a sound transaction holds one.
    Shortly,
    /// As shortly; and before anything else it is found out whether a whole table is locked.
    Hurried,
}

/// One transaction: locks, then one write, then the commit. Each call is one round trip. Dropping it without
/// [`commit`](Transaction::commit) rolls it back.
///
/// Callers pass keys and ids sorted and without repeats, so that transactions lock in one order: deferred events, the
/// service's rows table by table, and after all of those what [`write`](Transaction::write) inserts, in the order of its fields. Deferred
/// events and deadlines that a write changes come behind rows that it has locked; if two transactions wait for each other there, the
/// database ends one of them, and it begins anew.
///
/// Nothing is inserted before the write, so another transaction may have changed some of what was read: a row that was not
/// there, a key without a deferred event, an event that had no effect yet. The write looks at all of that again in its own,
/// later snapshot and says what was [`Lost`]; a transaction that lost something rolls back and begins anew.
///
/// # Optimistic ones
///
/// A transaction of [`begin_optimistic`](Database::begin_optimistic) has two round trips instead of four: BEGIN and COMMIT go. Its
/// [`lock`](Transaction::lock) reads and locks nothing. Its [`write`](Transaction::write) is one statement, and a transaction of its own: it
/// locks every row that was read, in the same order and without waiting for it, and finds it in the very version that was read; it looks at all
/// that any write looks at; and it commits. What only a row's lock guards, though it leaves the row as it is, is looked at and settled in a
/// snapshot that is later than the locks: deferred events, and deadlines. If a row is locked, or has another version, or anything is lost,
/// nothing is written, and the error is [`StoreError::Contention`]. So what commits is what a transaction with locks would have committed.
///
/// It reads no queue of deferred events and no row only if that is free, and it writes only what [is plain](Writing::is_plain).
/// [`StoreError::Unavailable`] of its write leaves open whether it was committed; after any other error it was not.
pub trait Transaction<P: Participant>: Send {
    /// The database's clock when the transaction began; of an optimistic one when it read last, and before that (or if it reads nothing) as an
    /// earlier answer of the database lets expect.
    fn now(&self) -> DateTime<Utc>;
    /// Locks rows and reads them, and looks up what is deferred. A row that is not there is not created: it is simply not found.
    fn lock(&mut self, wanted: &Wanted<P>) -> impl Future<Output = Result<Found<P>, StoreError>> + Send;
    /// Writes everything that follows from a batch, each row once.
    fn write(&mut self, writing: &Writing<P>) -> impl Future<Output = Result<Written, StoreError>> + Send;
    /// Rolls back, and waits for it: a transaction that begins anew then finds the locks of this one gone.
    fn roll_back(self) -> impl Future<Output = ()> + Send;
    /// Commits. An error leaves open whether that happened. What an optimistic one wrote is committed already.
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

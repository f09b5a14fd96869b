//! Outbox → Kafka, in order.
//!
//! Rows of the outbox are written once and never changed. What is published is written down apart, for each key range: a number
//! up to which all is done with, and blocks of numbers beyond it ([`Mark`]).
//!
//! Why the order holds: an aggregate's rows are numbered under its lock, so a read that sees one sees all before it. Every
//! read begins behind the first row that is not done with, so a relay sends every aggregate's rows without gaps, and a row
//! counts as published only when Kafka has it. Two relays at once (a frozen one that wakes up) can repeat rows, but no row
//! *first* appears before an earlier one of its aggregate. The lease spares the repeats; its epoch keeps a relay that lost it
//! from marking.
//!
//! Why nothing is skipped: numbers are drawn by transactions that commit in any order, so a lower one may come into sight after
//! a higher one. "All is done with up to here" is said only of numbers that are [settled](settlement): a row with this
//! number or a higher one is in sight, and every transaction that may have drawn a lower one has ended.
//!
//! What one message or topic does stops no other: see [`waits`] and [`Outcome`](outcome::Outcome). A row that has to wait, for its
//! topic or behind one of its key that Kafka refuses, is left behind: it is noted by its number, and the rest goes on.

mod fed_rows;
mod feed;
mod lane;
mod outcome;
mod pace;
mod settlement;
mod spans;
mod step;
#[cfg(test)]
mod tests;
mod waits;
mod watermarks;

use std::future::Future;

use chrono::TimeDelta;
use uuid::Uuid;

pub use feed::Feed;
pub use lane::Lane;
pub use pace::Pace;
pub use step::{Relay, Relayed};

use crate::{outbox::OutboxRow, store::StoreError};

/// The right to publish a key range, until it expires by the database's clock or another has a higher epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The key range.
    pub range: i32,
    /// It rises whenever the range changes hands.
    pub epoch: i64,
}

/// How far a range is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The key range.
    pub range: i32,
    /// All its rows up to this number are published or left behind.
    pub through: i64,
    /// Numbers beyond that are published or left behind.
    pub beyond: Vec<i64>,
}

/// What is to be read of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Key ranges to read, each from behind this number.
    pub ranges: Vec<(i32, i64)>,
    /// Numbers behind those that are done with.
    pub done: Vec<i64>,
    /// Topics that wait: their rows are passed over.
    pub without_topics: Vec<String>,
    /// Most rows. Each range gives its share of them at most, so that none crowds out the others.
    pub rows: usize,
    /// Most bytes of payloads, keys and headers; the first row is read whatever its size.
    pub bytes: usize,
}

impl Reading {
    /// Most rows of one range.
    pub fn rows_per_range(&self) -> usize {
        self.rows.div_ceil(self.ranges.len().max(1))
    }

    /// How many rows of one range that were left behind a read takes at most: new rows go on beside them.
    pub fn left_per_range(&self) -> usize {
        self.rows_per_range().div_ceil(2)
    }
}

/// A row that Kafka refuses for what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The key range.
    pub range: i32,
    /// Its number in its table.
    pub number: i64,
    /// Kafka's word for it.
    pub error: String,
}

/// What a read of the outbox found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unpublished {
    /// Rows to send, in number order: those that were left behind and need not wait any more, and those behind the read's numbers.
    pub rows: Vec<OutboxRow>,
    /// Rows that this version can't read, with the reason.
    pub unreadable: Vec<Refused>,
    /// Rows behind the read's numbers that have to wait: of a stopped key, of a topic left out, or behind one of their key that
    /// was left behind. Ranges and numbers.
    pub waiting: Vec<(i32, i64)>,
    /// The number up to which each range was read: no row that was in sight up to there is missing.
    pub seen: Vec<(i32, i64)>,
    /// The transactions that were at work meanwhile.
    pub snapshot: Snapshot,
}

/// Which transactions were under way when a read began. One that draws numbers has a place in their order before it draws the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every transaction before this one had ended (PostgreSQL's `xmin`).
    pub oldest: i64,
    /// No transaction from this one on had begun (`xmax`).
    pub next: i64,
}

/// What is written down of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Rows that Kafka has. Ranges and numbers, as in the lists that follow.
    pub published: Vec<(i32, i64)>,
    /// Rows that had been left behind and that Kafka has now.
    pub caught_up: Vec<(i32, i64)>,
    /// Rows that have to wait.
    pub left_behind: Vec<(i32, i64)>,
    /// Up to which number all is done with.
    pub through: Vec<(i32, i64)>,
}

impl Mark {
    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The outbox as the relay needs it; each call is one statement in a transaction of its own.
pub trait OutboxStore: Send + Sync + 'static {
    /// Tells that `holder` lives, renews the leases that it has and takes those of its lane that are free or expired (with
    /// the next epoch), up to its [`fair_share`] among the relays that live; gives back what is above it. Returns what it
    /// holds now. A lease that expired and that no other took meanwhile keeps its epoch, unless the database was started since, or is
    /// another server: what was seen in the other one may not be in this one.
    fn claim(
        &self,
        holder: Uuid,
        lane: Lane,
        lease: TimeDelta,
    ) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;
    /// How far the ranges of these leases are published. No other marks them any more.
    fn published(&self, leases: &[Lease]) -> impl Future<Output = Result<Vec<Published>, StoreError>> + Send;
    /// Renews the leases that `holder` still has, whatever it is doing meanwhile. Takes none and gives none back.
    fn renew(&self, holder: Uuid, lease: TimeDelta) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Transactions that have written to the outbox and not ended, by names that never come again. Others may be among them.
    fn writers(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;
    /// The first rows that are not done with.
    fn unpublished(&self, reading: &Reading) -> impl Future<Output = Result<Unpublished, StoreError>> + Send;
    /// Records the rows that are published and those that are left behind, for each lease whose epoch still stands, expired or not.
    /// Returns the ranges of those leases.
    fn mark(&self, leases: &[Lease], mark: &Mark) -> impl Future<Output = Result<Vec<i32>, StoreError>> + Send;
    /// Stops the keys of these rows, each for its topic, where the lease's epoch still stands, and leaves the rows behind;
    /// returns how many rows that are. They wait, whichever replica holds the range, until they are released or discarded.
    fn stop(&self, leases: &[Lease], refused: &[Refused]) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// Gives leases back, so that another replica need not wait for their expiry.
    fn release(&self, holder: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// How many key ranges each of so many relays may hold. Rounded up: all ranges are held, whichever relay is quicker.
pub fn fair_share(ranges: i64, relays: i64) -> i64 {
    ranges.max(0).unsigned_abs().div_ceil(relays.max(1).unsigned_abs()).try_into().unwrap_or(i64::MAX)
}

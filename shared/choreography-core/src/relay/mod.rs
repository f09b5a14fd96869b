//! Outbox → Kafka, in order.
//!
//! Why the order holds: an aggregate's rows are numbered under its lock, so whoever sees one sees all before it. Every
//! read begins at the first unmarked row, so a relay sends every aggregate's rows without gaps, and a row is marked only
//! when Kafka has it. Two relays at once (a frozen one that wakes up) can repeat rows, but no row *first* appears before
//! an earlier one of its aggregate. The lease spares the repeats; its epoch keeps a relay that lost it from marking.
//!
//! What one message or topic does stops no other: see [`waits`] and [`Outcome`](outcome::Outcome).

mod lane;
mod outcome;
mod pace;
mod spans;
mod step;
#[cfg(test)]
mod tests;
mod waits;

use std::future::Future;

use chrono::TimeDelta;
use uuid::Uuid;

pub use lane::Lane;
pub use pace::Pace;
pub use step::{Relay, Relayed};

use crate::{outbox::OutboxRow, store::StoreError};

/// The right to publish a key range, until it expires by the database's clock or somebody else has a higher epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The key range.
    pub range: i32,
    /// It rises whenever the range changes hands.
    pub epoch: i64,
}

/// What is to be read of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Key ranges to read.
    pub ranges: Vec<i32>,
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
}

/// A row that Kafka refuses for what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number in its table.
    pub number: i64,
    /// Kafka's word for it.
    pub error: String,
}

/// What a read of the outbox found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unpublished {
    /// In number order.
    pub rows: Vec<OutboxRow>,
    /// Rows that this version can't read, with the reason.
    pub unreadable: Vec<Refused>,
}

impl From<Vec<OutboxRow>> for Unpublished {
    fn from(rows: Vec<OutboxRow>) -> Self {
        Self { rows, unreadable: Vec::new() }
    }
}

/// The outbox as the relay needs it; each call is one statement in a transaction of its own.
pub trait OutboxStore: Send + Sync + 'static {
    /// Tells that `holder` lives, renews the leases that it has and takes those of its lane that are free or expired (with
    /// the next epoch), up to its [`fair_share`] among the relays that live; gives back what is above it. Returns what it
    /// holds now. A lease that expired and that nobody took meanwhile keeps its epoch.
    fn claim(
        &self,
        holder: Uuid,
        lane: Lane,
        lease: TimeDelta,
    ) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;
    /// Renews the leases that `holder` still has, whatever it is doing meanwhile. Takes none and gives none back.
    fn renew(&self, holder: Uuid, lease: TimeDelta) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The first unmarked rows that may be sent, in number order: none of a stopped key, none of the topics left out.
    fn unpublished(&self, reading: &Reading) -> impl Future<Output = Result<Unpublished, StoreError>> + Send;
    /// Marks rows as published where the lease's epoch still stands, expired or not; returns how many were marked.
    /// `rows` are numbers with their ranges.
    fn mark(&self, leases: &[Lease], rows: &[(i32, i64)]) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// Stops the keys of these rows, each for its topic, where the lease's epoch still stands and the row is unpublished;
    /// returns how many were stopped. They wait, whoever holds the range, until they are released or discarded.
    fn stop(&self, leases: &[Lease], refused: &[Refused]) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// Gives leases back, so that another replica need not wait for their expiry.
    fn release(&self, holder: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// How many key ranges each of so many relays may hold. Rounded up: all ranges are held whoever is quicker.
pub fn fair_share(ranges: i64, relays: i64) -> i64 {
    ranges.max(0).unsigned_abs().div_ceil(relays.max(1).unsigned_abs()).try_into().unwrap_or(i64::MAX)
}

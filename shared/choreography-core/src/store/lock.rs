//! What a transaction locks and reads before its rules run.

use std::collections::{HashMap, HashSet};

use super::Deferred;
use crate::participant::Participant;

/// What to lock and to look up, in this order.
#[derive(Debug)]
pub struct Wanted<P: Participant> {
    /// Aggregates whose deferred events are locked and read, because one of them is to be handled.
    pub queues: Vec<String>,
    /// Aggregates of arrived events, for which to look up whether an event is deferred. Those are not locked.
    pub arrivals: Vec<String>,
    /// Rows of the service's own tables, table by table in their one order.
    pub rows: Vec<WantedRows<P>>,
}

/// Rows of one table.
#[derive(Debug)]
pub struct WantedRows<P: Participant> {
    /// The table.
    pub table: P::Table,
    /// Rows that are locked and read; others' locks are waited for.
    pub keys: Vec<String>,
    /// Rows that are locked and read if no other has them locked; they come after the others.
    pub if_free: Vec<String>,
}

impl<P: Participant> Wanted<P> {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.arrivals.is_empty() && self.rows.is_empty()
    }
}

impl<P: Participant> Default for Wanted<P> {
    fn default() -> Self {
        Self { queues: Vec::new(), arrivals: Vec::new(), rows: Vec::new() }
    }
}

/// What was found. All of it is as one statement saw it; of a row that it waited for, the newest version.
#[derive(Debug)]
pub struct Found<P: Participant> {
    /// The deferred events of the queues, in number order.
    pub queues: Vec<Deferred>,
    /// Those aggregates of the arrivals that have a deferred event.
    pub deferred: HashSet<String>,
    /// Those aggregates of the arrivals that have a deferred compensation that is not parked.
    pub overtaking: HashSet<String>,
    /// The rows that are there, locked by this transaction now.
    pub rows: Vec<(P::Table, String, P::Row)>,
    /// How many events each aggregate has published, of those rows that say so: see [`Participant::counts`].
    pub events: HashMap<String, i64>,
    /// Rows that were wanted if free, and that others have locked.
    pub locked: Vec<(P::Table, String)>,
}

impl<P: Participant> Default for Found<P> {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            deferred: HashSet::new(),
            overtaking: HashSet::new(),
            rows: Vec::new(),
            events: HashMap::new(),
            locked: Vec::new(),
        }
    }
}

//! All that follows from a batch, as one write; and what it may find lost.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AmendedCall, DeadMessage, Deadline, DeferEvent, DeferredFailure, OutboxMessage, PendingCall, RefusedCall};
use crate::{delivery::Position, participant::Participant};

/// What is written, in the order of these fields; ids and keys are sorted and without repeats.
#[derive(Debug)]
pub struct Writing<P: Participant> {
    /// Events that have their effect with this transaction.
    pub inbox: Inbox,
    /// Messages to keep that never can be handled as they are.
    pub dead: Vec<DeadMessage>,
    /// The service's own rows, table by table in their one order.
    pub tables: Vec<TableChanges<P>>,
    /// How many events each publishing aggregate has published after this write, where that is known. It is written into the
    /// aggregates' rows, whether those change or not: see [`Participant::counts`].
    pub events: BTreeMap<String, i64>,
    /// Appended to the service's own histories.
    pub records: Vec<P::Record>,
    /// Deferred events.
    pub deferred: DeferredEvents,
    /// Deadlines.
    pub deadlines: Deadlines,
    /// External calls.
    pub calls: Calls,
    /// Messages to publish; their numbers are drawn here, under the locks of their aggregates.
    pub messages: Vec<OutboxMessage>,
}

impl<P: Participant> Default for Writing<P> {
    fn default() -> Self {
        Self {
            inbox: Inbox::default(),
            dead: Vec::new(),
            tables: Vec::new(),
            events: BTreeMap::new(),
            records: Vec::new(),
            deferred: DeferredEvents::default(),
            deadlines: Deadlines::default(),
            calls: Calls::default(),
            messages: Vec::new(),
        }
    }
}

impl<P: Participant> Writing<P> {
    /// Whether there is nothing to write, and nothing to look at again.
    pub fn is_empty(&self) -> bool {
        self.inbox == Inbox::default()
            && self.dead.is_empty()
            && self.tables.is_empty()
            && self.records.is_empty()
            && self.deferred == DeferredEvents::default()
            && self.deadlines == Deadlines::default()
            && self.calls == Calls::default()
            && self.messages.is_empty()
    }

    /// Whether it is what most batches come to: nothing is set aside, put off or taken up again, and no rule saw that a row is missing without
    /// writing it.
    pub fn is_plain(&self) -> bool {
        let Self { inbox, dead, tables, events: _, records: _, deferred, deadlines, calls, messages: _ } = self;
        let DeferredEvents { none: _, no_compensation: _, released, failed_again, defer } = deferred;
        let Deadlines { taken: _, replaced, settled: _, set: _, postponed: late } = deadlines;
        let Calls { taken: _, new: _, own_until: _, amended, postponed } = calls;
        inbox.early.is_empty()
            && tables.iter().all(|changes| changes.absent.is_empty())
            && dead.is_empty()
            && (released.is_empty() && failed_again.is_empty() && defer.is_empty())
            && (replaced.is_empty() && late.is_empty())
            && (amended.is_empty() && postponed.is_empty())
    }
}

/// Inbox rows of this consumer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inbox {
    /// To insert. One that is there already is lost; one that another transaction is inserting is waited for.
    pub new: Vec<Uuid>,
    /// Of events whose time has not come: one that is there is lost.
    pub early: Vec<Uuid>,
}

/// Rows of one table.
#[derive(Debug)]
pub struct TableChanges<P: Participant> {
    /// The table.
    pub table: P::Table,
    /// Rows that were not there when they were wanted. A key that is there by now is lost; one that another transaction is
    /// inserting is waited for.
    pub inserts: Vec<(String, P::Row)>,
    /// Rows under keys that were newly minted: one that is there is an error ([`StoreError::Data`](super::StoreError::Data)).
    pub fresh: Vec<(String, P::Row)>,
    /// Rows that are locked.
    pub updates: Vec<(String, P::Row)>,
    /// Rows that were not there and are not written: one that is there by now is lost.
    pub absent: Vec<String>,
}

impl<P: Participant> TableChanges<P> {
    /// Nothing of this table.
    pub fn none(table: P::Table) -> Self {
        Self { table, inserts: Vec::new(), fresh: Vec::new(), updates: Vec::new(), absent: Vec::new() }
    }
}

/// Events that wait in the service's database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeferredEvents {
    /// Aggregates without a deferred event. One that has a deferred event by now is lost.
    pub none: Vec<String>,
    /// Aggregates without a deferred compensation, except parked ones. One that has another by now is lost.
    pub no_compensation: Vec<String>,
    /// Deferred events that were handled after all, by number; they are locked.
    pub released: Vec<i64>,
    /// Deferred events that failed once more; they are locked.
    pub failed_again: Vec<DeferredFailure>,
    /// Events to defer. Those already deferred are passed over, by their event id; one that was deferred early and comes again in
    /// its time is early no more.
    pub defer: Vec<DeferEvent>,
}

/// Deadlines; those of aggregates whose rows are locked, but for the postponed ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deadlines {
    /// To delete, by id, because their rules ran. One that is gone is lost.
    pub taken: Vec<Uuid>,
    /// As `taken`, but `set` overwrites their rows.
    pub replaced: Vec<Uuid>,
    /// To delete, by aggregate and name; those that are gone already are passed over.
    pub settled: Vec<(String, String)>,
    /// Set, or set anew, by aggregate and name.
    pub set: Vec<Deadline>,
    /// They were refused, or their rules could not run: they wait where they are, with the attempt counted. One that is gone is
    /// lost.
    pub postponed: Vec<Deadline>,
}

/// External calls; those of aggregates whose rows are locked, but for the postponed ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// To delete, by id, because they have their answers. One that is gone is lost.
    pub taken: Vec<Uuid>,
    /// To write down.
    pub new: Vec<PendingCall>,
    /// Until when no other takes up the new ones.
    pub own_until: DateTime<Utc>,
    /// Open calls that ask for something else from now on and can be claimed at once; answered ones are passed over.
    pub amended: Vec<AmendedCall>,
    /// Their answers were refused, or their rules could not run: they stay open where they are and are asked about again. One that
    /// is gone is lost.
    pub postponed: Vec<RefusedCall>,
}

/// What a write came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// What others changed meanwhile.
    pub lost: Lost,
    /// The numbers of the messages in the outbox, in their order.
    pub numbers: Vec<i64>,
}

/// What others changed since it was read. Nothing of it is written then: the transaction is to be rolled back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lost {
    /// Events that had their effect before.
    pub repeats: Vec<Uuid>,
    /// Dead messages that are kept already.
    pub kept: Vec<Position>,
    /// Deadlines and external calls that are there no more.
    pub settled: Vec<Uuid>,
    /// Keys whose rows, or deferred events, are others than they were.
    pub changed: Vec<String>,
}

impl Lost {
    /// Whether all stands as it was read.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

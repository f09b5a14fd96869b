//! All tables of a service, and the sessions that work on them.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::{
    AnyRow, Record, Row,
    delivery::Position,
    input::DeferredEvent,
    outbox::OutboxRow,
    participant::Participant,
    routes::TableId,
    store::{Deadline, DeferredStatus, PendingCall, Stage, StoreError},
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::heap::{Ends, Heap, TxId};
use crate::probe::{Note, Probe};

/// A row of one of the service's own tables.
pub struct OwnRow<P: Participant> {
    /// Its table.
    pub table: P::Table,
    /// The key.
    pub key: String,
    /// The row.
    pub row: P::Row,
    /// How many events the aggregate has published, where the rows of this table say so and it is known.
    pub events: Option<i64>,
}

impl<P: Participant> Clone for OwnRow<P> {
    fn clone(&self) -> Self {
        Self { table: self.table, key: self.key.clone(), row: self.row.clone(), events: self.events }
    }
}

#[derive(Clone, Debug)]
pub struct LeaseRow {
    pub range: i32,
    pub holder: Option<Uuid>,
    pub epoch: i64,
    pub expires_at: DateTime<Utc>,
    /// All rows of the range up to this number are published or left behind.
    pub through: i64,
}

/// Published numbers of a range.
#[derive(Clone, Debug)]
pub struct BlockRow {
    pub range: i32,
    pub numbers: Vec<i64>,
}

#[derive(Clone, Debug)]
pub struct OpenCall {
    pub call: PendingCall,
    pub not_before: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct DeferredRow {
    pub event: DeferredEvent,
    pub status: DeferredStatus,
    /// Failed attempts, as the model counts them.
    pub failures: u32,
    pub due_at: DateTime<Utc>,
    pub overtakes: bool,
    /// What its last failure was, in one word.
    pub class: Option<&'static str>,
}

/// A message is known by its place and its bytes: a topic that was made anew has other messages at the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadRow {
    pub position: Position,
    pub digest: Vec<u8>,
}

/// A key of a topic that waits behind what the broker refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct StoppedRow {
    pub number: i64,
    pub topic: String,
    pub key: Option<Vec<u8>>,
}

impl StoppedRow {
    pub fn of(row: &OutboxRow) -> Self {
        Self { number: row.number, topic: row.message.topic.clone(), key: row.message.key.clone() }
    }

    /// Messages without a key follow no other.
    pub fn is_of_key(&self, other: &Self) -> bool {
        self.key.is_some() && self.topic == other.topic && self.key == other.key
    }

    /// Whether a message waits for this one.
    pub fn stops(&self, row: &OutboxRow) -> bool {
        let row = Self::of(row);
        self.number == row.number || self.is_of_key(&row)
    }
}

/// A change that a transaction committed.
#[derive(Clone, Debug)]
pub enum Committed {
    /// What follows, up to the next such mark, is one transaction's.
    Begins {
        /// Of this log, so much was there when the transaction wrote.
        seen: usize,
    },
    /// The event's id went into the inbox.
    Inbox(Uuid),
    /// An event is deferred; the status that it had before, if it was deferred already.
    Deferred(Box<DeferredRow>, Option<DeferredStatus>),
    /// An event is deferred no more.
    Released(Uuid),
}

/// A transaction, from the server's side.
pub struct Session {
    pub waits_for: Option<TxId>,
    /// The number by which its client knows it: that of the first transaction of an optimistic one.
    pub known_as: TxId,
    /// When its last statement ended, or its wait began.
    pub since: DateTime<Utc>,
    /// The statement that it began last.
    pub at: &'static str,
    pub over: Option<Over>,
    /// How much was committed when its last statement began.
    pub seen: usize,
}

/// Why a transaction can't go on, although its client has not ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A statement failed: the client learned of it, and all that is left is to roll back.
    Failed,
    /// The server gave up waiting for a lock on its behalf.
    LockTimeout,
    /// It waited in a circle, and the server chose it to break that.
    Deadlocked,
    /// The server closed the connection of a client that did nothing.
    Disconnected,
}

impl Over {
    pub fn error(self) -> StoreError {
        match self {
            Self::Failed => StoreError::Unavailable("the transaction is aborted".into()),
            Self::LockTimeout => StoreError::Contention("waited too long for a lock".into()),
            Self::Deadlocked => StoreError::Contention("deadlock".into()),
            Self::Disconnected => StoreError::Unavailable("idle in transaction for too long".into()),
        }
    }
}

/// All tables of a service, and the sessions that work on them.
pub struct State<P: Participant> {
    /// The service's own rows.
    pub rows: Heap<OwnRow<P>>,
    /// Ids of events that had their effect.
    pub inbox: Heap<Uuid>,
    /// The outbox.
    pub outbox: Heap<OutboxRow>,
    /// What is published beyond what `leases` say.
    pub blocks: Heap<BlockRow>,
    /// Rows that wait while others of their range go on.
    pub left_behind: Heap<OutboxRow>,
    /// Which relay publishes which key range.
    pub leases: Heap<LeaseRow>,
    /// Deadlines.
    pub deadlines: Heap<Deadline>,
    /// Open calls.
    pub calls: Heap<OpenCall>,
    /// Deferred events.
    pub deferred: Heap<DeferredRow>,
    /// Messages that never can be handled.
    pub dead: Heap<DeadRow>,
    /// Keys that are stopped.
    pub stopped: Heap<StoppedRow>,
    /// What the rules appended.
    pub records: Heap<P::Record>,
    /// What was committed, in the order of the commits.
    pub log: Vec<Committed>,
    /// Messages that a replica has begun and not ended, and how often replicas died over each.
    pub under_way: BTreeSet<(u64, Position)>,
    /// How often processes ended over a message.
    pub deaths: BTreeMap<Position, u32>,
    /// The relays that live, each by a statement of its own.
    pub relays: BTreeMap<Uuid, DateTime<Utc>>,
    /// What replicas have written down of what they have under way: how far they came, and whether they died since.
    pub begun: BTreeMap<(Position, u64), (Stage, bool)>,
    /// Open transactions.
    pub sessions: BTreeMap<TxId, Session>,
    /// Deadlines whose rows can't be read, until an operator mends them.
    pub unreadable: BTreeSet<Uuid>,
    /// And deferred events.
    pub scribbled: BTreeSet<i64>,
    /// Sequences never roll back.
    pub outbox_number: i64,
    /// The last number that a deferred event got.
    pub deferred_number: i64,
    last_tx: TxId,
}

impl<P: Participant> State<P> {
    /// Empty tables.
    pub fn new(ranges: i32) -> Self {
        let mut leases = Heap::default();
        for range in 0..=ranges {
            leases.put(LeaseRow { range, holder: None, epoch: 0, expires_at: DateTime::<Utc>::MIN_UTC, through: 0 });
        }
        Self {
            rows: Heap::default(),
            inbox: Heap::default(),
            outbox: Heap::default(),
            blocks: Heap::default(),
            left_behind: Heap::default(),
            leases,
            deadlines: Heap::default(),
            calls: Heap::default(),
            deferred: Heap::default(),
            dead: Heap::default(),
            stopped: Heap::default(),
            records: Heap::default(),
            log: Vec::new(),
            under_way: BTreeSet::new(),
            deaths: BTreeMap::new(),
            relays: BTreeMap::new(),
            begun: BTreeMap::new(),
            sessions: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            scribbled: BTreeSet::new(),
            outbox_number: 0,
            deferred_number: 0,
            last_tx: 0,
        }
    }

    /// The committed row.
    pub fn row(&self, table: P::Table, key: &str) -> Option<&P::Row> {
        self.rows.committed().find(|own| own.table == table && own.key == key).map(|own| &own.row)
    }

    /// Whether a row is published, by what is written down.
    pub fn is_published(&self, row: &OutboxRow) -> bool {
        let through = self.leases.committed().find(|lease| lease.range == row.range).map_or(0, |lease| lease.through);
        let in_block =
            || self.blocks.committed().any(|block| block.range == row.range && block.numbers.contains(&row.number));
        let is_left = || self.left_behind.committed().any(|left| left.number == row.number);
        (row.number <= through || in_block()) && !is_left()
    }

    /// The rows that are not.
    pub fn unpublished(&self) -> impl Iterator<Item = &OutboxRow> {
        self.outbox.committed().filter(|row| !self.is_published(row))
    }

    /// The transaction from which on none has begun, and the one before which all have ended.
    pub fn in_progress(&self) -> (TxId, TxId) {
        let next = self.last_tx + 1;
        let open = self.sessions.iter().filter(|(_, session)| session.over.is_none()).map(|(tx, _)| *tx);
        (next, open.min().unwrap_or(next))
    }

    /// The transactions under way.
    pub fn under_way(&self) -> Vec<String> {
        let open = self.sessions.iter().filter(|(_, session)| session.over.is_none());
        open.map(|(tx, _)| tx.to_string()).collect()
    }

    /// Opens a transaction; `at` is the call that does.
    pub fn open(&mut self, now: DateTime<Utc>, at: &'static str) -> TxId {
        self.last_tx += 1;
        let session =
            Session { waits_for: None, known_as: self.last_tx, since: now, at, over: None, seen: self.log.len() };
        self.sessions.insert(self.last_tx, session);
        self.last_tx
    }

    /// Its writes become visible, or vanish; its locks are free. What waited for it looks again.
    pub fn end(&mut self, tx: TxId, commits: bool) {
        if commits {
            self.write_log(tx);
        }
        for heap in self.heaps() {
            heap.end(tx, commits);
        }
    }

    /// A statement begins: until it is over it sees what is there now.
    pub fn freeze(&mut self, tx: TxId) {
        if let Some(session) = self.sessions.get_mut(&tx) {
            session.seen = self.log.len();
        }
        self.heaps().into_iter().for_each(|heap| heap.freeze(tx));
    }

    /// It is over.
    pub fn thaw(&mut self, tx: TxId) {
        self.heaps().into_iter().for_each(|heap| heap.thaw(tx));
    }

    fn heaps(&mut self) -> [&mut dyn Ends; 12] {
        [
            &mut self.rows,
            &mut self.inbox,
            &mut self.outbox,
            &mut self.blocks,
            &mut self.left_behind,
            &mut self.leases,
            &mut self.deadlines,
            &mut self.calls,
            &mut self.deferred,
            &mut self.dead,
            &mut self.stopped,
            &mut self.records,
        ]
    }

    fn write_log(&mut self, tx: TxId) {
        let seen = self.sessions.get(&tx).map_or(self.log.len(), |session| session.seen);
        self.log.push(Committed::Begins { seen });
        for (_, after) in self.inbox.changes(tx) {
            self.log.extend(after.map(|id| Committed::Inbox(*id)));
        }
        for (before, after) in self.deferred.changes(tx) {
            let left = |row: &DeferredRow| Committed::Released(row.event.event.id);
            self.log.push(match (before, after) {
                (_, Some(after)) => Committed::Deferred(Box::new(after.clone()), before.map(|row| row.status)),
                (Some(before), None) => left(before),
                (None, None) => continue,
            });
        }
    }

    /// The replica died: what it had begun may have been why.
    pub fn died(&mut self, member: u64) {
        let (gone, left) = std::mem::take(&mut self.under_way).into_iter().partition(|(of, _)| *of == member);
        self.under_way = left;
        self.begun.iter_mut().filter(|((_, of), _)| *of == member).for_each(|(_, (_, died))| *died = true);
        let gone: BTreeSet<(u64, Position)> = gone;
        for (_, position) in gone {
            *self.deaths.entry(position).or_default() += 1;
        }
    }

    /// Why the transaction is over, if the server ended it.
    pub fn over(&self, tx: TxId) -> Option<Over> {
        self.sessions.get(&tx).and_then(|session| session.over)
    }

    /// As after any error: the server rolls back at once, the client's transaction is of no use any more.
    pub fn abort(&mut self, tx: TxId, over: Over) {
        self.end(tx, false);
        if let Some(session) = self.sessions.get_mut(&tx) {
            session.over = Some(over);
            session.waits_for = None;
        }
    }

    /// The transactions that wait for each other in a circle with `tx`; none, if `tx` does not wait for itself at some remove.
    pub fn circle(&self, tx: TxId) -> Vec<TxId> {
        let next = |of: TxId| self.sessions.get(&of).and_then(|session| session.waits_for);
        let (mut circle, mut at) = (vec![tx], next(tx));
        while let Some(other) = at.filter(|_| circle.len() <= self.sessions.len()) {
            if other == tx {
                return circle;
            }
            circle.push(other);
            at = next(other);
        }
        Vec::new()
    }
}

/// A service that declares its rows: they are found by their types.
impl State<Probe> {
    /// The committed row.
    pub fn find<R: Row>(&self, key: &str) -> Option<R> {
        self.row(TableId(R::TABLE), key).and_then(AnyRow::get).cloned()
    }

    /// All committed rows of a type, by key.
    pub fn all<R: Row>(&self) -> Vec<(String, R)> {
        let rows = self.rows.committed().filter(|own| own.table == TableId(R::TABLE));
        rows.filter_map(|own| Some((own.key.clone(), own.row.get::<R>()?.clone()))).collect()
    }

    /// What the rules appended, of one type.
    pub fn appended<R: Record + Clone>(&self) -> Vec<R> {
        let own = self.records.committed().filter_map(|note| match note {
            Note::Own(record) => record.get::<R>().cloned(),
            Note::Taken(_) => None,
        });
        own.collect()
    }
}

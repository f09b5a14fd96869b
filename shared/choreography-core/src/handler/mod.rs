//! The handler: every input that can move a saga, whatever its kind, passes through it in batches
//! ([`Handler::handle_isolating`]), each of them one transaction.
//!
//! A transaction begins, locks rows and reads them, runs the rules in memory, writes all that follows at once, and commits: four round
//! trips, and one more for each table whose keys stand in rows of another. It inserts only after it has taken all its locks, the inbox
//! first. So the write looks again at whatever was read without a lock, and a batch that lost something to another transaction is
//! done anew, knowing what it lost.
//!
//! A small batch is tried without locks first ([optimism]): it reads, runs the rules, and writes if all stands as it was read. That is two
//! round trips.

mod batch;
mod conflicts;
mod consequences;
#[cfg(test)]
mod consequences_tests;
mod crash_loop_guard;
#[cfg(test)]
mod crash_loop_guard_tests;
mod execution;
mod isolation;
#[cfg(test)]
mod isolation_tests;
mod locked_rows;
#[cfg(test)]
mod lost_tests;
mod note;
mod optimism;
#[cfg(test)]
mod optimism_tests;
#[cfg(test)]
mod order_tests;
mod outcome;
mod postponement;
mod progress;
mod queue;
mod reporting;
#[cfg(test)]
mod reporting_tests;
mod touched_rows;

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

pub use progress::Progress;

use crate::{
    crash_point::reached,
    event_id::IdSource,
    input::{Inbound, Verdict},
    outbox::{self, OutboxRow},
    participant::Participant,
    policy::Policy,
    rows::Rows,
    store::{Database, Found, Lost, OutboxMessage, StoreError, Transaction, Waits, Wanted, WantedRows},
};
use batch::Batch;
use conflicts::Known;
use crash_loop_guard::LastTries;
use locked_rows::Suspects;
use note::SetAside;
use optimism::Optimism;
use reporting::BatchSpans;
use touched_rows::Touched;

/// So often a batch is done anew in a row because others changed what it had read. Each time it knows more.
const TRIES: usize = 8;

/// The handler of one service: its rules and its database.
pub struct Handler<P: Participant, D> {
    /// The rules.
    pub participant: Arc<P>,
    /// The database.
    pub database: D,
    /// How long, how often, how large.
    pub policy: Policy,
    suspects: Suspects<P>,
    optimism: Optimism,
    knows_culprit: AtomicBool,
    last_tries: LastTries,
}

/// How a transaction goes about what may stop it.
#[derive(Clone, Copy, Default)]
struct Manner<'a> {
    /// A hurried one waits for no row that others hold: an input that needs one steps aside.
    waits: Waits,
    /// An input that needs a row that others hold is left as it is instead.
    leaves: bool,
    /// Aggregates of which something was left before: all that comes behind it is left as well.
    left: Option<&'a HashSet<String>>,
    /// The input can't be handled, so its rules are not run (nor their rows locked) again.
    set_aside: Option<&'a SetAside>,
}

impl<P: Participant, D: Database<P>> Handler<P, D> {
    /// A handler for these rules on this database.
    pub fn new(participant: Arc<P>, database: D, policy: Policy) -> Self {
        Self {
            participant,
            database,
            policy,
            suspects: Suspects::default(),
            optimism: Optimism::default(),
            knows_culprit: AtomicBool::new(false),
            last_tries: LastTries::default(),
        }
    }

    /// Whether a command, a deadline or an answer was set aside because it has ended the process, which would end it again if it were
    /// tried: for as long as this process lives, it goes about its work as it does after a crash.
    pub fn knows_culprit(&self) -> bool {
        self.knows_culprit.load(Ordering::Relaxed)
    }

    /// Handles a batch in one transaction: all of it is committed, or (on an error) nothing.
    ///
    /// An error of `commit` leaves open whether it happened; events are safe to hand in again, the inbox knows them.
    async fn transact(
        &self,
        ids: &mut dyn IdSource,
        inbound: &[Inbound<P>],
        manner: Manner<'_>,
    ) -> Result<Progress<P::Reply>, StoreError> {
        if let Some(handled) = nothing_to_do(inbound) {
            return Ok(handled);
        }
        if let Some(handled) = self.try_without_locks(ids, inbound, manner, Instant::now()).await? {
            return Ok(handled);
        }
        let mut known = Known::default();
        for _ in 0..TRIES {
            match self.attempt(ids, inbound, manner, &known).await? {
                Ok(handled) => return Ok(handled),
                Err(lost) => known.learn(lost),
            }
        }
        Err(StoreError::Contention(format!(
            "other transactions changed what this batch had read, {TRIES} times in a row"
        )))
    }

    async fn attempt(
        &self,
        ids: &mut dyn IdSource,
        inbound: &[Inbound<P>],
        manner: Manner<'_>,
        known: &Known,
    ) -> Result<Result<Progress<P::Reply>, Lost>, StoreError> {
        let (spans, since) = (BatchSpans::begin(self.participant.name(), inbound), Instant::now());
        let mut tx = self.database.begin(manner.waits).await?;
        let mut batch = Batch::new(&*self.participant, inbound, tx.now(), spans.link(), manner);
        batch.look_at_all(self.policy.window, known);
        let tables = if manner.set_aside.is_none() { self.participant.tables() } else { &[] };
        let mut rows = self.lock(&mut tx, &mut batch, tables, Some(manner.waits)).await?;
        let outcome = batch.run(&self.policy, &mut rows, known, ids);
        let mut numbers = Vec::new();
        if !outcome.writing.is_empty() {
            let written = tx.write(&outcome.writing).await?;
            if !written.lost.is_nothing() {
                tx.roll_back().await;
                return Ok(Err(written.lost));
            }
            numbers = written.numbers;
        }
        reached("handler.written");
        tx.commit().await?;
        spans.committed();
        Ok(Ok(outcome.committed(self.policy.ranges, &numbers, since)))
    }

    /// Locks what the inputs touch; an optimistic transaction waits for no lock (`None`), and reads it. The keys of a table may come from the
    /// rows of those before it.
    async fn lock(
        &self,
        tx: &mut D::Transaction,
        batch: &mut Batch<'_, P>,
        tables: &[P::Table],
        waits: Option<Waits>,
    ) -> Result<Rows<P>, StoreError> {
        let (mut rows, mut asked) = (Rows::default(), Vec::new());
        let mut wanted = Wanted { queues: batch.queues(), arrivals: batch.arrivals(), rows: Vec::new() };
        for &table in tables {
            if !batch.names(table) {
                continue;
            }
            if !asked.is_empty() && batch.names_by_rows(table) {
                let found = tx.lock(&wanted).await?;
                self.found(batch, &mut rows, std::mem::take(&mut wanted), &std::mem::take(&mut asked), found);
            }
            let touched = batch.touches(table, &rows);
            let (fresh, shared) = touched.split();
            for key in fresh {
                self.has_no_events(&mut rows, table, &key);
                rows.load_fresh(table, key, self.participant.absent(table));
            }
            if !shared.is_empty() {
                let (if_free, keys) = match waits {
                    Some(Waits::Hurried) => (shared, Vec::new()),
                    Some(Waits::Long | Waits::Shortly) => self.suspects.split(table, shared, batch.now),
                    None => (Vec::new(), shared),
                };
                wanted.rows.push(WantedRows { table, keys, if_free });
                asked.push(touched);
            }
        }
        if !wanted.is_empty() {
            let found = tx.lock(&wanted).await?;
            self.found(batch, &mut rows, wanted, &asked, found);
        }
        Ok(rows)
    }

    fn found(
        &self,
        batch: &mut Batch<'_, P>,
        rows: &mut Rows<P>,
        wanted: Wanted<P>,
        touched: &[Touched],
        found: Found<P>,
    ) {
        for (table, key, row) in found.rows {
            rows.load(table, key, row);
        }
        for (aggregate, events) in found.events {
            rows.load_events(aggregate, events);
        }
        for (WantedRows { table, keys, if_free }, touched) in wanted.rows.into_iter().zip(touched) {
            let locked: Vec<String> =
                found.locked.iter().filter(|(of, _)| *of == table).map(|(_, key)| key.clone()).collect();
            if !if_free.is_empty() {
                self.suspects.learn(table, &if_free, &locked, batch.now);
                batch.step_aside(table, touched, &locked);
            }
            for key in keys.into_iter().chain(if_free) {
                if rows.find(table, &key).is_none() && !locked.contains(&key) {
                    self.has_no_events(rows, table, &key);
                    rows.load_absent(table, key, self.participant.absent(table));
                }
            }
        }
        batch.found_deferred(wanted.queues, &found.queues);
        batch.found_waiting(found.deferred, found.overtaking);
    }
}

impl<P: Participant, D> Handler<P, D> {
    /// An aggregate without a row has published nothing.
    fn has_no_events(&self, rows: &mut Rows<P>, table: P::Table, key: &str) {
        if self.participant.counts() == Some(table) {
            rows.load_events(key.to_owned(), 0);
        }
    }
}

/// Messages that this service does not handle need no transaction.
fn nothing_to_do<P: Participant>(inbound: &[Inbound<P>]) -> Option<Progress<P::Reply>> {
    inbound
        .iter()
        .all(|inbound| matches!(inbound, Inbound::Ignored(_)))
        .then(|| Progress::of(inbound.iter().map(|_| Some(Verdict::Ignored)).collect()))
}

/// The rows that can be handed to a relay, and the key ranges that have something else to publish.
fn published(messages: Vec<OutboxMessage>, numbers: &[i64], ranges: i32) -> (Vec<OutboxRow>, Vec<i32>) {
    let (mut rows, mut others) = (Vec::new(), BTreeSet::new());
    for (place, message) in messages.into_iter().enumerate() {
        let range = outbox::range_of(&message.topic, message.key.as_deref(), ranges);
        match numbers.get(place) {
            Some(number) if message.nth.is_some() => rows.push(OutboxRow { number: *number, range, message }),
            _ => drop(others.insert(range)),
        }
    }
    (rows, others.into_iter().collect())
}

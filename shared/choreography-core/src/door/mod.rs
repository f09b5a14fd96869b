//! The one door: every input that can move a saga, whatever its kind, passes through it in batches
//! ([`Door::handle_isolating`]), each of them one transaction.
//!
//! The order of the statements is the order of the locks: inbox, dead messages, the service's tables in their fixed
//! order, then held events, deadlines and intents of aggregates that are locked by then.

mod batch;
mod careful;
#[cfg(test)]
mod careful_tests;
mod isolate;
#[cfg(test)]
mod isolate_tests;
#[cfg(test)]
mod keep_tests;
mod note;
#[cfg(test)]
mod order_tests;
mod outcome;
mod postponing;
mod queue;
mod running;
mod suspects;
mod told;
#[cfg(test)]
mod told_tests;
mod touched;

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};

pub use isolate::Progress;

use crate::{
    crash_point::reached,
    event_id::IdSource,
    input::{Handled, Work},
    outbox,
    participant::Participant,
    policy::Policy,
    rows::Rows,
    store::{Database, Deadline, OutboxMessage, StoreError, Transaction},
};
use batch::{Batch, aggregates_of_arrivals};
use note::SetAside;
use outcome::Outcome;
use postponing::{Postponing, Taken};
use suspects::Suspects;
use told::BatchSpans;

/// The door of one service: its rules and its database.
pub struct Door<P: Participant, D> {
    /// The rules.
    pub participant: Arc<P>,
    /// The database.
    pub database: D,
    /// How long, how often, how large.
    pub policy: Policy,
    suspects: Suspects<P>,
}

/// How a transaction goes about what may stop it.
#[derive(Clone, Copy, Default)]
struct Manner<'a> {
    /// It waits for no row that others hold: whoever needs one steps aside.
    hurried: bool,
    /// The work can't be handled, so its rules are not run (nor their rows locked) again.
    set_aside: Option<&'a SetAside>,
}

impl<P: Participant, D: Database<P>> Door<P, D> {
    /// A handler for these rules on this database.
    pub fn new(participant: Arc<P>, database: D, policy: Policy) -> Self {
        Self { participant, database, policy, suspects: Suspects::default() }
    }

    /// Handles a batch in one transaction: all of it is committed, or (on an error) nothing.
    ///
    /// An error of `commit` leaves open whether it happened; events are safe to hand in again, the inbox knows them.
    async fn transact(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        manner: Manner<'_>,
    ) -> Result<Handled<P::Reply>, StoreError> {
        let (spans, since) = (BatchSpans::begin(self.participant.name(), work.len()), Instant::now());
        let mut tx = self.database.begin().await?;
        if manner.hurried {
            tx.hurry().await?;
        }
        let opening = tx.open(&aggregates_of_arrivals(work)).await?;
        let now = opening.now;
        let mut batch =
            Batch::new(&*self.participant, work, opening, self.policy.window, spans.link(), manner.set_aside);

        let new_to_inbox = batch.new_to_inbox();
        if !new_to_inbox.is_empty() {
            let new = tx.insert_inbox(&new_to_inbox).await?;
            batch.drop_repeats(&new);
        }
        let early = batch.arrived_early();
        if !early.is_empty() {
            let known = tx.in_inbox(&early).await?;
            batch.drop_known(&known);
        }
        let dead = batch.dead_messages();
        if !dead.is_empty() {
            let newly_buried = tx.bury(dead).await?;
            batch.buried(newly_buried);
        }

        let mut rows = match manner.set_aside {
            None => self.lock_rows(&mut tx, &mut batch, manner.hurried).await?,
            Some(_) => Rows::default(),
        };
        let keys = batch.aggregates_to_lock(manner.set_aside.is_none());
        if !keys.is_empty() {
            let held = tx.held(&keys).await?;
            batch.found_held(keys, &held);
        }
        let (taken, postponed_to) = self.take(&mut tx, &batch, ids).await?;
        batch.drop_settled(taken);

        let outcome = batch.run(&self.policy, &mut rows, ids);
        self.write(&mut tx, &rows, &outcome, now).await?;
        reached("door.written");
        tx.commit().await?;
        spans.committed();
        let mut handled = outcome.committed(self.policy.ranges, since);
        handled.earliest_deadline = handled.earliest_deadline.into_iter().chain(postponed_to).min();
        Ok(handled)
    }

    async fn lock_rows(
        &self,
        tx: &mut D::Transaction,
        batch: &mut Batch<'_, P>,
        hurried: bool,
    ) -> Result<Rows<P>, StoreError> {
        let mut rows = Rows::default();
        for &table in self.participant.tables() {
            let touched = batch.touches(table, &rows);
            let (fresh, shared) = touched.split();
            for key in fresh {
                rows.load_fresh(table, key, self.participant.absent(table));
            }
            let (suspects, others) = match hurried {
                true => (shared, Vec::new()),
                false => self.suspects.split(table, shared, batch.now),
            };
            if !others.is_empty() {
                tx.ensure_rows(table, &others).await?;
                for (key, row) in tx.lock_rows(table, &others).await? {
                    rows.load(table, key, row);
                }
            }
            if !suspects.is_empty() {
                // They come last and are not waited for, so their locks can't close a circle.
                let free = tx.lock_free_rows(table, &suspects).await?;
                for (key, row) in free.rows {
                    rows.load(table, key, row);
                }
                self.suspects.learn(table, &suspects, &free.locked, batch.now);
                batch.step_aside(table, &touched, &free.locked);
            }
        }
        Ok(rows)
    }

    /// Takes the deadlines and external calls whose rules run and has the others wait. Which were still there, and when the
    /// first of those deadlines that wait comes again.
    async fn take(
        &self,
        tx: &mut D::Transaction,
        batch: &Batch<'_, P>,
        ids: &mut dyn IdSource,
    ) -> Result<(Taken, Option<DateTime<Utc>>), StoreError> {
        let mut taken = Taken::default();
        let to_take = batch.to_take();
        let postponed = batch.to_postpone(&mut Postponing { retry: self.policy.retry, now: batch.now, ids });
        if !to_take.deadlines.is_empty() {
            taken.deadlines = tx.take_deadlines(&to_take.deadlines).await?;
        }
        if !postponed.deadlines.is_empty() {
            taken.postponed.extend(tx.postpone_deadlines(&postponed.deadlines).await?);
        }
        if !to_take.intents.is_empty() {
            taken.intents = tx.take_intents(&to_take.intents).await?;
        }
        if !postponed.intents.is_empty() {
            taken.postponed.extend(tx.postpone_intents(&postponed.intents).await?);
        }
        Ok((taken, postponed.deadlines.iter().map(Deadline::next_at).min()))
    }

    async fn write(
        &self,
        tx: &mut D::Transaction,
        rows: &Rows<P>,
        outcome: &Outcome<P>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for &table in self.participant.tables() {
            let changes = rows.changes(table);
            if !changes.inserts.is_empty() {
                tx.insert_rows(table, &changes.inserts).await?;
            }
            if !changes.updates.is_empty() {
                tx.update_rows(table, &changes.updates).await?;
            }
        }
        if !outcome.records.is_empty() {
            tx.append_records(&outcome.records).await?;
        }
        if !outcome.settled.is_empty() {
            tx.settle_deadlines(&outcome.settled).await?;
        }
        if !outcome.deadlines.is_empty() {
            tx.set_deadlines(&outcome.deadlines).await?;
        }
        if !outcome.intents.is_empty() {
            tx.insert_intents(&outcome.intents, now + self.policy.intent_lease).await?;
        }
        if !outcome.refused_intents.is_empty() {
            tx.reopen_intents(&outcome.refused_intents).await?;
        }
        if !outcome.amended.is_empty() {
            tx.amend_intents(&outcome.amended).await?;
        }
        if !outcome.let_go.is_empty() {
            tx.let_go(&outcome.let_go).await?;
        }
        if !outcome.failed_again.is_empty() {
            tx.hold_again(&outcome.failed_again).await?;
        }
        if !outcome.hold.is_empty() {
            tx.hold(&outcome.hold).await?;
        }
        if !outcome.messages.is_empty() {
            tx.append_outbox(&outcome.messages).await?;
        }
        Ok(())
    }
}

fn ranges(messages: &[OutboxMessage], ranges: i32) -> Vec<i32> {
    let range = |message: &OutboxMessage| outbox::range_of(&message.topic, message.key.as_deref(), ranges);
    let used: BTreeSet<i32> = messages.iter().map(range).collect();
    used.into_iter().collect()
}

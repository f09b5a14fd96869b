//! The one door: every input that can move a saga, whatever its kind, passes through [`Door::handle`] in a batch.
//!
//! The order of the statements is the order of the locks: inbox, dead messages, the service's tables in their fixed
//! order, then held events, deadlines and intents of aggregates that are locked by then.

mod batch;
mod careful;
mod isolate;
mod running;
mod told;

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};

pub use isolate::Progress;

use crate::{
    crash_point::reached,
    event_id::IdSource,
    input::{Handled, Work},
    outbox,
    participant::{Participant, Refusal},
    policy::Policy,
    rows::{Rows, Touch},
    store::{Database, OutboxMessage, StoreError, Transaction},
};
use batch::Batch;
use running::Outcome;
use told::BatchSpans;

/// The door of one service: its rules and its database.
pub struct Door<P, D> {
    pub participant: Arc<P>,
    pub database: D,
    pub policy: Policy,
}

impl<P: Participant, D: Database<P>> Door<P, D> {
    /// Handles a batch in one transaction: all of it is committed, or (on an error) nothing.
    ///
    /// An error of `commit` leaves open whether it happened; events are safe to hand in again, the inbox knows them.
    pub async fn handle(&self, ids: &mut dyn IdSource, work: &[Work<P>]) -> Result<Handled<P::Reply>, StoreError> {
        self.handle_or_refuse(ids, work, None).await
    }

    /// `refusal`: this work can't be handled, so its rules are not run (nor their rows locked) again.
    async fn handle_or_refuse(
        &self,
        ids: &mut dyn IdSource,
        work: &[Work<P>],
        refusal: Option<&SetAside>,
    ) -> Result<Handled<P::Reply>, StoreError> {
        let spans = BatchSpans::begin(P::NAME, work.len());
        let mut tx = self.database.begin().await?;
        let now = tx.now().await?;
        let mut batch = Batch::new(work, now, self.policy.window, spans.link());

        let arrivals = batch.arrivals();
        if !arrivals.is_empty() {
            let new = tx.insert_inbox(&arrivals).await?;
            batch.drop_repeats(&new);
        }
        let dead = batch.dead_messages();
        if !dead.is_empty() {
            let newly_buried = tx.bury(&dead).await?;
            batch.dead_letter(P::NAME, &newly_buried);
        }

        let mut rows = match refusal {
            None => self.lock_rows(&mut tx, &batch).await?,
            Some(_) => Rows::default(),
        };
        let keys = batch.aggregates_of_events();
        if !keys.is_empty() {
            batch.found_held(tx.held(&keys).await?);
        }
        let (deadlines, intents) = (batch.deadlines(), batch.intents());
        if !deadlines.is_empty() {
            let taken = tx.take_deadlines(&deadlines).await?;
            batch.drop_settled_deadlines(&taken);
        }
        if !intents.is_empty() {
            let taken = tx.take_intents(&intents).await?;
            batch.drop_settled_intents(&taken);
        }

        let outcome = batch.run(&*self.participant, &self.policy, &mut rows, ids, refusal);
        self.write(&mut tx, &rows, &outcome, now).await?;
        reached("door.written");
        tx.commit().await?;
        spans.committed();
        Ok(outcome.committed(self.policy.ranges))
    }

    async fn lock_rows(&self, tx: &mut D::Transaction, batch: &Batch<'_, P>) -> Result<Rows<P>, StoreError> {
        let mut rows = Rows::default();
        for &table in P::TABLES {
            let mut touched = Vec::new();
            for what in batch.open_inputs() {
                self.participant.touches(table, what, &rows, &mut touched);
            }
            let (fresh, shared) = split(touched);
            for key in fresh {
                rows.load_fresh(table, key, self.participant.absent(table));
            }
            if shared.is_empty() {
                continue;
            }
            tx.ensure_rows(table, &shared).await?;
            for (key, row) in tx.lock_rows(table, &shared).await? {
                rows.load(table, key, row);
            }
        }
        Ok(rows)
    }

    async fn write(
        &self,
        tx: &mut D::Transaction,
        rows: &Rows<P>,
        outcome: &Outcome<P>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for &table in P::TABLES {
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
            tx.insert_intents(&outcome.refused_intents, now + self.policy.retry.cap).await?;
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

/// Why work is set aside without its rules being run.
struct SetAside {
    class: &'static str,
    refusal: Refusal,
}

/// Keys to insert as they are, and keys to create and lock; each sorted and without repeats.
fn split(touched: Vec<Touch>) -> (BTreeSet<String>, Vec<String>) {
    let (fresh, shared): (BTreeSet<Touch>, BTreeSet<Touch>) = touched.into_iter().partition(|touch| touch.fresh);
    let fresh: BTreeSet<String> = fresh.into_iter().map(|touch| touch.key).collect();
    let shared = shared.into_iter().map(|touch| touch.key).filter(|key| !fresh.contains(key)).collect();
    (fresh, shared)
}

fn ranges(messages: &[OutboxMessage], ranges: i32) -> Vec<i32> {
    let used: BTreeSet<i32> = messages.iter().map(|message| outbox::range_of(message.key.as_deref(), ranges)).collect();
    used.into_iter().collect()
}

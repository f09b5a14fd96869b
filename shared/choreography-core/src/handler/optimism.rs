//! Optimistic transactions: a batch reads without locks, and its one write finds all as it was read, or does nothing. Where several
//! transactions want the same rows that is work for nothing, so a try that failed makes the next ones lock again.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Instant,
};

use tracing::debug;

use super::{Batch, BatchSpans, Handler, Known, Manner, Progress};
use crate::{
    crash_point::reached,
    event_id::IdSource,
    input::{Inbound, Input, Origin},
    participant::Participant,
    store::{Database, StoreError, Transaction, Waits},
};

/// More inputs share four round trips well enough, and the more rows a transaction reads the likelier one of them changes.
const MOST_INPUTS: usize = 32;
/// After a try that failed so many transactions lock.
const LOCKING: u32 = 16;

/// How many of the next transactions lock what they read.
#[derive(Default)]
pub(super) struct Optimism(AtomicU32);

impl Optimism {
    /// Whether a batch of so many inputs is tried without locks.
    fn suits(&self, inputs: usize) -> bool {
        inputs <= MOST_INPUTS && self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err()
    }

    /// `why`: one of few words.
    fn failed(&self, why: &'static str, error: Option<&StoreError>) {
        self.0.store(LOCKING, Relaxed);
        metrics::counter!("saga_transactions_done_anew_total", "why" => why).increment(1);
        debug!(
            why,
            error = error.map(tracing::field::display),
            "a batch that was tried without locks is done anew with them"
        );
    }
}

impl<P: Participant, D: Database<P>> Handler<P, D> {
    /// Handles a batch without a lock before its write. `None`: it needs locks, and nothing of it was done.
    /// [`StoreError::Unavailable`] leaves open whether all of it was committed. `since`: when the batch was begun.
    pub(super) async fn try_without_locks(
        &self,
        ids: &mut dyn IdSource,
        inbound: &[Inbound<P>],
        manner: Manner<'_>,
        since: Instant,
    ) -> Result<Option<Progress<P::Reply>>, StoreError> {
        let isolates = manner.waits == Waits::Hurried || manner.left.is_some() || manner.set_aside.is_some();
        let locks = isolates || !self.suspects.is_empty() || inbound.iter().any(locks);
        if locks || reads_twice(&*self.participant, inbound) || !self.optimism.suits(inbound.len()) {
            return Ok(None);
        }
        let Some(mut tx) = self.database.begin_optimistic().await else { return Ok(None) };
        let spans = BatchSpans::begin(self.participant.name(), inbound);
        let known = Known::default();
        let mut batch = Batch::new(&*self.participant, inbound, tx.now(), spans.link(), manner);
        batch.look_at_all(self.policy.window, &known);
        let mut rows = match self.lock(&mut tx, &mut batch, self.participant.tables(), None).await {
            Ok(rows) => rows,
            // With locks it is found out which input it concerns.
            Err(error) => {
                self.optimism.failed("not read", Some(&error));
                spans.discard();
                return Ok(None);
            }
        };
        batch.now = tx.now();
        let outcome = batch.run(&self.policy, &mut rows, &known, ids);
        reached("handler.written");
        // Without a write nothing would find out whether what was read still holds.
        let written = match outcome.writing.is_empty() || !outcome.writing.is_plain() {
            true => Err(None),
            false => tx.write(&outcome.writing).await.map_err(Some),
        };
        let numbers = match written {
            Ok(written) => written.numbers,
            Err(Some(StoreError::Unavailable(why))) => return Err(StoreError::Unavailable(why)),
            Err(error) => {
                self.optimism.failed(if error.is_some() { "refused" } else { "not plain" }, error.as_ref());
                outcome.discard();
                spans.discard();
                return Ok(None);
            }
        };
        spans.committed();
        Ok(Some(outcome.committed(self.policy.ranges, &numbers, since)))
    }
}

/// Whether it is known beforehand that what becomes of it is not plain.
fn locks<P: Participant>(inbound: &Inbound<P>) -> bool {
    match inbound {
        Inbound::Input(Input { origin, .. }) => matches!(origin, Origin::Deferred(_)),
        Inbound::Ignored(_) => false,
        Inbound::Dead(..) | Inbound::Stuck(..) | Inbound::Unread(_) => true,
    }
}

/// Whether some rows can be named only once others are read. Without locks that would be two snapshots, and rules would see what never was
/// at one time.
fn reads_twice<P: Participant>(participant: &P, inbound: &[Inbound<P>]) -> bool {
    let triggers = || {
        inbound
            .iter()
            .filter_map(|inbound| if let Inbound::Input(input) = inbound { Some(&input.trigger) } else { None })
    };
    let named =
        participant.tables().iter().filter(|table| triggers().any(|trigger| participant.names(**table, trigger)));
    let by_rows =
        |table: &P::Table, trigger| participant.names(*table, trigger) && participant.names_by_rows(*table, trigger);
    named.skip(1).any(|table| triggers().any(|trigger| by_rows(table, trigger)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_that_failed_makes_the_next_ones_lock_and_a_large_batch_locks_always() {
        let optimism = Optimism::default();
        assert!(optimism.suits(MOST_INPUTS) && optimism.suits(1));
        assert!(!optimism.suits(MOST_INPUTS + 1));
        optimism.failed("refused", None);
        let tried = (0..LOCKING).filter(|_| optimism.suits(1)).count();
        assert_eq!((tried, optimism.suits(1)), (0, true));
    }
}

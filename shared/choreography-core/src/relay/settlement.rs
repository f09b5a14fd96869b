//! The number up to which every transaction that drew one has ended.

use std::{collections::HashSet, time::Duration};

use super::Snapshot;

/// So long after a number came into sight, and then so often, the store is asked which transactions write to the outbox.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// Between two reads of one relay.
#[derive(Debug, Default)]
pub(super) struct Settled {
    through: i64,
    pending: Option<Pending>,
}

/// Settled once every transaction that may have drawn this number or a lower one has ended.
#[derive(Debug)]
struct Pending {
    number: i64,
    /// The transaction that drew it comes before this one.
    before: i64,
    asked_at: Duration,
    /// The transactions that wrote to the outbox when the store was asked first, and still did each time since: the one that
    /// drew the number is among them, or has ended. Snapshots alone do not tell: any transaction of the server is in them,
    /// however long it runs.
    writers: Option<HashSet<String>>,
}

impl Settled {
    /// A read has ended. Returns a number: every transaction that drew it or a lower one had ended before the read began, so
    /// that the read saw all that they committed.
    ///
    /// `highest` was in sight before this read began: every transaction that drew it or a lower one had begun by then. A number
    /// that is drawn and not in sight says nothing: after a crash of the database it may be drawn again.
    pub fn observe(&mut self, highest: i64, snapshot: Snapshot, now: Duration) -> i64 {
        let Snapshot { oldest, next } = snapshot;
        if self.pending.is_none() && highest > self.through {
            self.pending = Some(Pending { number: highest, before: next, asked_at: now, writers: None });
        }
        let is_over =
            |pending: &Pending| oldest >= pending.before || pending.writers.as_ref().is_some_and(HashSet::is_empty);
        if let Some(pending) = self.pending.take_if(|pending| is_over(pending)) {
            self.through = pending.number;
        }
        self.through
    }

    /// Whether the store is to be asked which transactions write, before the next read.
    pub fn asks(&self, now: Duration) -> bool {
        self.pending.as_ref().is_some_and(|pending| now.saturating_sub(pending.asked_at) >= ASK_AFTER)
    }

    /// These transactions write to the outbox.
    pub fn heard(&mut self, writers: Vec<String>, now: Duration) {
        let Some(pending) = &mut self.pending else { return };
        let writers: HashSet<String> = writers.into_iter().collect();
        pending.writers = Some(match pending.writers.take() {
            Some(before) => before.intersection(&writers).cloned().collect(),
            None => writers,
        });
        pending.asked_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(settled: &mut Settled, highest: i64, oldest: i64, next: i64) -> i64 {
        settled.observe(highest, Snapshot { oldest, next }, Duration::ZERO)
    }

    #[test]
    fn what_was_in_sight_before_a_read_is_settled_by_it_if_no_writer_is_at_work() {
        let mut settled = Settled::default();
        assert_eq!(observe(&mut settled, 0, 5, 5), 0, "nothing is in sight");
        assert_eq!(observe(&mut settled, 10, 7, 7), 10);
        assert_eq!(observe(&mut settled, 12, 7, 7), 12);
    }

    #[test]
    fn numbers_wait_for_every_transaction_that_may_have_drawn_them() {
        let mut settled = Settled::default();
        assert_eq!(observe(&mut settled, 10, 5, 9), 0, "the fifth is open");
        assert_eq!(observe(&mut settled, 20, 8, 12), 0, "the eighth is open, which may have drawn the tenth number");
        assert_eq!(observe(&mut settled, 30, 9, 14), 10, "what came later is nothing to it");
        assert_eq!(observe(&mut settled, 40, 11, 15), 10);
        assert_eq!(observe(&mut settled, 40, 15, 15), 40);
    }

    #[test]
    fn who_is_open_for_days_and_does_not_write_to_the_outbox_keeps_nothing() {
        let (mut settled, long) = (Settled::default(), Snapshot { oldest: 1, next: 9 });
        let at = Duration::from_millis;
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(settled.observe(10, long, at(0)), 0);
        assert!(!settled.asks(at(999)) && settled.asks(at(1000)));
        settled.heard(names(&["a", "b"]), at(1000));
        assert_eq!(settled.observe(20, long, at(1001)), 0, "both may have drawn the tenth");
        assert!(!settled.asks(at(1999)));
        settled.heard(names(&["b", "c"]), at(2000));
        assert_eq!(settled.observe(30, long, at(2001)), 0, "one has ended");
        settled.heard(names(&["a", "c"]), at(3000));
        assert_eq!(settled.observe(30, long, at(3001)), 10, "who came later has not drawn it");
        assert_eq!(settled.observe(30, long, at(3002)), 10);
        assert!(settled.asks(at(4002)), "the next number is asked after in its turn");
        settled.heard(names(&[]), at(4002));
        assert_eq!(settled.observe(30, long, at(4003)), 30);
    }
}

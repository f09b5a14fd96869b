//! Up to which number every transaction that drew one has ended.

use std::time::Duration;

use super::Drawn;

/// A transaction of the engine's ends within its time limits, whatever becomes of its process; this is longer. Others can be open
/// for days, and draw no numbers.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(900);

/// Between two reads of one relay.
#[derive(Debug, Default)]
pub(super) struct Settled {
    through: i64,
    /// The last number drawn when the read before had ended.
    last: Option<i64>,
    /// Settled once no transaction before this one is open.
    pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    number: i64,
    before: i64,
    since: Duration,
}

impl Settled {
    /// A read has ended. Returns a number: whoever drew it or a lower one had ended before the read began, so that the read saw
    /// what of theirs there is.
    ///
    /// The number comes from an earlier read: whoever drew up to it had begun by the time that this read began.
    pub fn observe(&mut self, Drawn { last, oldest, next }: Drawn, now: Duration) -> i64 {
        let before = self.last.replace(last);
        let drawn = before.filter(|number| *number > self.through);
        let pending = self.pending.or_else(|| drawn.map(|number| Pending { number, before: next, since: now }));
        self.pending = pending;
        if let Some(pending) = pending
            && (oldest >= pending.before || now.saturating_sub(pending.since) > LONGEST_TRANSACTION)
        {
            self.through = self.through.max(pending.number);
            self.pending = None;
        }
        self.through
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(settled: &mut Settled, last: i64, oldest: i64, next: i64) -> i64 {
        settled.observe(Drawn { last, oldest, next }, Duration::ZERO)
    }

    #[test]
    fn what_one_read_saw_drawn_is_settled_at_the_next_if_nobody_is_at_work() {
        let mut settled = Settled::default();
        assert_eq!(observe(&mut settled, 10, 5, 5), 0, "somebody may have drawn it after the read began");
        assert_eq!(observe(&mut settled, 12, 7, 7), 10);
        assert_eq!(observe(&mut settled, 12, 7, 7), 12);
    }

    #[test]
    fn numbers_wait_for_every_transaction_that_may_have_drawn_them() {
        let mut settled = Settled::default();
        observe(&mut settled, 10, 5, 6);
        assert_eq!(observe(&mut settled, 20, 5, 9), 0, "the fifth is open");
        assert_eq!(observe(&mut settled, 30, 8, 12), 0, "the eighth is open, which may have drawn the tenth number");
        assert_eq!(observe(&mut settled, 40, 9, 14), 10, "what came later is nothing to it");
        assert_eq!(observe(&mut settled, 50, 11, 15), 10);
        assert_eq!(observe(&mut settled, 50, 15, 15), 40);
    }

    #[test]
    fn a_transaction_that_is_open_for_days_keeps_numbers_for_minutes() {
        let mut settled = Settled::default();
        let drawn = |last| Drawn { last, oldest: 1, next: 9 };
        settled.observe(drawn(10), Duration::ZERO);
        assert_eq!(settled.observe(drawn(20), Duration::from_secs(1)), 0);
        assert_eq!(settled.observe(drawn(30), Duration::from_secs(901)), 0);
        assert_eq!(settled.observe(drawn(40), Duration::from_secs(902)), 10);
    }
}

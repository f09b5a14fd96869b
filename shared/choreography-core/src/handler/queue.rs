//! The deferred events of one aggregate, and which of its events have to wait for them.

use std::collections::BTreeMap;

use crate::store::{Deferred, DeferredStatus};

#[derive(Clone, Copy, Debug)]
struct Place {
    status: DeferredStatus,
    overtakes: bool,
    attempts: u32,
    early: bool,
}

impl Place {
    /// Compensations wait for compensations before them, unless those wait for an operator's decision.
    fn keeps_compensations(self) -> bool {
        self.overtakes && self.status != DeferredStatus::Parked
    }
}

/// In the order of their numbers, which is the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue(BTreeMap<i64, Place>);

impl Queue {
    pub fn add(&mut self, deferred: &Deferred) {
        let Deferred { number, status, overtakes, attempts, early, .. } = *deferred;
        self.0.insert(number, Place { status, overtakes, attempts, early });
    }

    pub fn remove(&mut self, number: i64) {
        self.0.remove(&number);
    }

    /// It failed again: what comes behind it goes by its new status.
    pub fn set_status(&mut self, number: i64, status: DeferredStatus) {
        if let Some(place) = self.0.get_mut(&number) {
            place.status = status;
        }
    }

    pub fn status(&self, number: i64) -> Option<DeferredStatus> {
        self.0.get(&number).map(|place| place.status)
    }

    pub fn overtakes(&self, number: i64) -> bool {
        self.0.get(&number).is_some_and(|place| place.overtakes)
    }

    /// Failed attempts of the deferred event `number`, by now.
    pub fn attempts(&self, number: i64) -> u32 {
        self.0.get(&number).map_or(0, |place| place.attempts)
    }

    /// Whether the deferred event `number` has no inbox row by now.
    pub fn is_early(&self, number: i64) -> bool {
        self.0.get(&number).is_some_and(|place| place.early)
    }

    /// Whether an event that arrives now has to wait; `overtakes`: it is a compensation.
    pub fn blocks(&self, overtakes: bool) -> bool {
        if overtakes { self.0.values().any(|place| place.keeps_compensations()) } else { !self.0.is_empty() }
    }

    /// Whether it is the turn of the deferred event `number`.
    pub fn is_turn_of(&self, number: i64, overtakes: bool) -> bool {
        let mut before = self.0.range(..number).map(|(_, place)| place);
        if overtakes { !before.any(|place| place.keeps_compensations()) } else { before.next().is_none() }
    }
}

#[cfg(test)]
mod tests {
    use DeferredStatus::{Parked, Queued, Retrying};

    use super::*;

    fn queue(places: &[(i64, DeferredStatus, bool)]) -> Queue {
        let mut queue = Queue::default();
        for (number, status, overtakes) in places {
            let (key, attempts, early) = ("k".into(), 1, false);
            queue.add(&Deferred { key, number: *number, status: *status, overtakes: *overtakes, attempts, early });
        }
        queue
    }

    #[test]
    fn whatever_is_deferred_keeps_those_that_come_after_it() {
        let queue = queue(&[(1, Parked, false), (2, Queued, false)]);
        assert!(queue.blocks(false) && !queue.blocks(true));
        assert!(queue.is_turn_of(1, false) && !queue.is_turn_of(2, false));
        assert!(!Queue::default().blocks(false));
    }

    #[test]
    fn compensations_keep_order_among_themselves() {
        let queue = queue(&[(1, Parked, false), (2, Retrying, true), (3, Queued, true)]);
        assert!(queue.blocks(true));
        assert!(queue.is_turn_of(2, true) && !queue.is_turn_of(3, true));
    }

    #[test]
    fn a_parked_compensation_keeps_no_other() {
        let queue = queue(&[(1, Parked, true), (2, Queued, true)]);
        assert!(!queue.is_turn_of(2, false) && queue.is_turn_of(2, true));
        assert!(!self::queue(&[(1, Parked, true)]).blocks(true));
    }

    #[test]
    fn what_is_let_go_delays_no_other() {
        let mut queue = queue(&[(1, Retrying, true), (2, Queued, true)]);
        queue.set_status(1, Parked);
        assert_eq!((queue.status(1), queue.is_turn_of(2, true)), (Some(Parked), true));
        queue.remove(1);
        assert!(queue.is_turn_of(2, false));
    }
}

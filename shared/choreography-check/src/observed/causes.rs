//! Which event led to which. An event names its cause by id, and the cause may be read after it: partitions have no order
//! between them. So the types of the newest ids are remembered, and what waits for one; no more than a number of both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// So many ids are remembered unless another number is given: some 50 MB.
pub const REMEMBERED: usize = 1_000_000;

/// An event whose cause is known by its id alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// The service that published it.
    pub source: Arc<str>,
    /// Its type.
    pub event: Arc<str>,
    /// Where it stands.
    pub place: String,
}

/// Ids of events. Those of UUIDv7 are in the order of time, so the smallest is the oldest, and goes first.
#[derive(Debug)]
pub(super) struct Causes {
    limit: usize,
    names: BTreeSet<Arc<str>>,
    types: BTreeMap<u128, Arc<str>>,
    waiting: BTreeMap<u128, Vec<Effect>>,
    waits: usize,
    lost: u64,
}

impl Causes {
    pub fn remembering(limit: usize) -> Self {
        let (names, types, waiting) = Default::default();
        Self { limit, names, types, waiting, waits: 0, lost: 0 }
    }

    /// An event was read: what was waiting for it.
    pub fn event(&mut self, id: u128, event: &str) -> Vec<Effect> {
        let name = self.name(event);
        self.types.insert(id, name);
        if self.types.len() > self.limit {
            self.types.pop_first();
        }
        let found = self.waiting.remove(&id).unwrap_or_default();
        self.waits -= found.len();
        found
    }

    /// The type of an event's cause, if it was read; else the event waits for it.
    pub fn cause(&mut self, cause: u128, source: &str, event: &str, place: &str) -> Option<Arc<str>> {
        if let Some(known) = self.types.get(&cause) {
            return Some(Arc::clone(known));
        }
        let effect = Effect { source: self.name(source), event: self.name(event), place: place.to_owned() };
        self.waiting.entry(cause).or_default().push(effect);
        self.waits += 1;
        if self.waits > self.limit
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            self.waits -= oldest.len();
            self.lost += u64::try_from(oldest.len()).unwrap_or(u64::MAX);
        }
        None
    }

    /// Events whose cause was not read, or is remembered no more.
    pub fn unknown(&self) -> u64 {
        self.lost + u64::try_from(self.waits).unwrap_or(u64::MAX)
    }

    /// Names come again and again: each is kept once, but no more of them than ids, since they come from outside.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        if self.names.len() < super::tally::MOST {
            self.names.insert(Arc::clone(&new));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_found_whether_it_is_read_before_or_after() {
        let mut causes = Causes::remembering(10);
        assert!(causes.event(1, "order.placed").is_empty());
        assert_eq!(causes.cause(1, "inventory", "inventory.reserved", "at 1").as_deref(), Some("order.placed"));
        assert_eq!(causes.cause(2, "payment", "payment.failed", "at 2"), None);
        assert_eq!(causes.unknown(), 1);
        let found = causes.event(2, "inventory.reserved");
        let effect = Effect { source: "payment".into(), event: "payment.failed".into(), place: "at 2".into() };
        assert_eq!((found, causes.unknown()), (vec![effect], 0));
    }

    #[test]
    fn the_oldest_are_forgotten_first_and_what_can_not_be_told_is_counted() {
        let mut causes = Causes::remembering(2);
        for id in [1, 2, 3] {
            causes.event(id, "order.placed");
        }
        assert_eq!(causes.cause(1, "inventory", "inventory.reserved", "at 1"), None, "1 is forgotten");
        assert!(causes.cause(3, "inventory", "inventory.reserved", "at 3").is_some());
        for cause in [4, 5] {
            assert_eq!(causes.cause(cause, "inventory", "inventory.rejected", "at 4"), None);
        }
        assert_eq!((causes.waiting.len(), causes.unknown()), (2, 3), "the wait for 1 was given up");
        assert!(causes.event(1, "order.placed").is_empty());
        assert_eq!(causes.event(5, "order.placed").len(), 1);
    }
}

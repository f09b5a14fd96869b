//! Rows that were found locked for long. For a while no transaction waits for them: it asks whether they are free, and an
//! input that needs a locked one steps aside, instead of keeping a whole batch.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::participant::Participant;

/// A row is suspected for so long after it was last found locked.
const SUSPECTED_FOR: TimeDelta = TimeDelta::seconds(60);
/// More are not remembered: a transaction waits once more for a row beyond these.
const MOST: usize = 10_000;

/// Until when each is suspected.
type Rows<P> = BTreeMap<(<P as Participant>::Table, String), DateTime<Utc>>;

pub(super) struct Suspects<P: Participant>(Mutex<Rows<P>>);

impl<P: Participant> Default for Suspects<P> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P: Participant> Suspects<P> {
    /// Whether no row is suspected.
    pub fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// Those of the keys that are suspected, and the others; both in their order.
    pub fn split(&self, table: P::Table, keys: Vec<String>, now: DateTime<Utc>) -> (Vec<String>, Vec<String>) {
        let mut rows = self.rows();
        if rows.is_empty() {
            return (Vec::new(), keys);
        }
        rows.retain(|_, until| *until > now);
        keys.into_iter().partition(|key| rows.contains_key(&(table, key.clone())))
    }

    /// What was found when these were asked: the locked ones stay suspected, the others are not any more.
    pub fn learn(&self, table: P::Table, asked: &[String], locked: &[String], now: DateTime<Utc>) {
        let mut rows = self.rows();
        for key in asked {
            rows.remove(&(table, key.clone()));
        }
        for key in locked.iter().take(MOST.saturating_sub(rows.len())) {
            rows.insert((table, key.clone()), now + SUSPECTED_FOR);
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Table, Toy};

    #[test]
    fn a_row_is_suspected_until_it_is_found_free_or_some_time_has_passed() {
        let suspects = Suspects::<Toy>::default();
        let (now, keys) = (DateTime::UNIX_EPOCH, || ["a", "b"].map(String::from).to_vec());
        let suspected = |at| suspects.split(Table::Accounts, keys(), at).0;
        assert!(suspected(now).is_empty());
        suspects.learn(Table::Accounts, &keys(), &["b".into()], now);
        assert_eq!(suspected(now), ["b"]);
        assert!(suspected(now + SUSPECTED_FOR).is_empty());
        suspects.learn(Table::Accounts, &keys(), &["b".into()], now);
        suspects.learn(Table::Accounts, &keys(), &[], now);
        assert!(suspected(now).is_empty());
    }
}

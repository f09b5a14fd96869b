//! The rows that a batch of inputs holds locked, as the rules see them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    dead_letter::is_dead_letter_topic,
    participant::Participant,
    store::{OutboxMessage, TableChanges},
};

/// A row that an input may read or change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Touch {
    /// The key.
    pub key: String,
    /// The key was minted for this input, so no other can hold it: there is no row to lock beforehand.
    pub fresh: bool,
}

impl Touch {
    /// A row that others may touch too.
    pub fn shared(key: impl Into<String>) -> Self {
        Self { key: key.into(), fresh: false }
    }

    /// A row under a newly minted key.
    pub fn fresh(key: impl Into<String>) -> Self {
        Self { key: key.into(), fresh: true }
    }
}

type Place<P> = (<P as Participant>::Table, String);

/// The locked rows of a batch. Changes of one input can be rolled back without losing those of the others.
#[derive(Debug)]
pub struct Rows<P: Participant> {
    rows: HashMap<Place<P>, P::Row>,
    fresh: BTreeSet<Place<P>>,
    /// Rows that were not there: they stand here as their table's absent row.
    absent: BTreeSet<Place<P>>,
    changed: BTreeSet<Place<P>>,
    /// What the current input overwrote, newest last.
    undo: Vec<(Place<P>, P::Row, bool)>,
    /// How many events each aggregate has published, where that is known.
    events: HashMap<String, i64>,
}

impl<P: Participant> Default for Rows<P> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            fresh: BTreeSet::new(),
            absent: BTreeSet::new(),
            changed: BTreeSet::new(),
            undo: Vec::new(),
            events: HashMap::new(),
        }
    }
}

impl<P: Participant> Rows<P> {
    /// The row, or `None` if no input of this batch touches it (yet).
    pub fn find(&self, table: P::Table, key: &str) -> Option<&P::Row> {
        self.rows.get(&(table, key.to_owned()))
    }

    /// The row.
    ///
    /// # Panics
    /// If `touches` did not name it: a mistake in the rules, which parks the input.
    pub fn get(&self, table: P::Table, key: &str) -> &P::Row {
        self.find(table, key).unwrap_or_else(|| panic!("row {key} of {table:?} was not named by touches()"))
    }

    /// Changes the row.
    ///
    /// # Panics
    /// Like [`get`](Rows::get).
    pub fn set(&mut self, table: P::Table, key: &str, row: P::Row) {
        if *self.get(table, key) == row {
            return;
        }
        let place = (table, key.to_owned());
        let first_change = self.changed.insert(place.clone());
        if let Some(before) = self.rows.insert(place.clone(), row) {
            self.undo.push((place, before, first_change));
        }
    }

    /// Puts a row in as it stands in the database; for the engine, and for tests of rules.
    pub fn load(&mut self, table: P::Table, key: impl Into<String>, row: P::Row) {
        self.rows.insert((table, key.into()), row);
    }

    pub(crate) fn load_fresh(&mut self, table: P::Table, key: String, row: P::Row) {
        self.fresh.insert((table, key.clone()));
        self.rows.insert((table, key), row);
    }

    pub(crate) fn load_absent(&mut self, table: P::Table, key: String, row: P::Row) {
        self.absent.insert((table, key.clone()));
        self.rows.insert((table, key), row);
    }

    /// How many events an aggregate has published so far.
    pub(crate) fn load_events(&mut self, aggregate: String, events: i64) {
        self.events.insert(aggregate, events);
    }

    /// Numbers these messages, each within its aggregate. How many the aggregates have published then.
    /// The messages of an aggregate that gets no row are not numbered: their count could not be kept.
    pub(crate) fn number(&mut self, aggregates: P::Table, messages: &mut [OutboxMessage]) -> BTreeMap<String, i64> {
        let written = |key: &str| {
            let place = (aggregates, key.to_owned());
            let is_there = !self.absent.contains(&place) && !self.fresh.contains(&place);
            is_there || self.changed.contains(&place)
        };
        self.events.retain(|key, _| written(key));
        let mut counted = BTreeMap::new();
        for message in messages.iter_mut().filter(|message| !is_dead_letter_topic(&message.topic)) {
            let aggregate = message.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
            let Some((aggregate, events)) = aggregate.and_then(|key| Some((key, self.events.get_mut(key)?))) else {
                continue;
            };
            *events += 1;
            message.nth = Some(*events);
            counted.insert(aggregate.to_owned(), *events);
        }
        counted
    }

    pub(crate) fn begin_input(&mut self) {
        self.undo.clear();
    }

    pub(crate) fn roll_back_input(&mut self) {
        while let Some((place, before, first_change)) = self.undo.pop() {
            if first_change {
                self.changed.remove(&place);
            }
            self.rows.insert(place, before);
        }
    }

    /// What has to be written to `table`, and which rows are to be looked for again; each in key order. `None`: nothing.
    pub(crate) fn changes(&self, table: P::Table) -> Option<TableChanges<P>> {
        let mut changes = TableChanges::none(table);
        for place in self.changed.iter().filter(|place| place.0 == table) {
            let row = (place.1.clone(), self.rows[place].clone());
            if self.fresh.contains(place) {
                changes.fresh.push(row);
            } else if self.absent.contains(place) {
                changes.inserts.push(row);
            } else {
                changes.updates.push(row);
            }
        }
        let unwritten = self.absent.iter().filter(|place| place.0 == table && !self.changed.contains(place));
        changes.absent = unwritten.map(|place| place.1.clone()).collect();
        let TableChanges { inserts, fresh, updates, absent, .. } = &changes;
        let nothing = inserts.is_empty() && fresh.is_empty() && updates.is_empty() && absent.is_empty();
        (!nothing).then_some(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        Table::{Accounts, Shelves},
        Toy,
    };

    type Sums = Vec<(String, i64)>;

    fn updated(rows: &Rows<Toy>) -> Sums {
        rows.changes(Accounts).map(|changes| changes.updates).unwrap_or_default()
    }

    #[test]
    fn an_input_that_is_rolled_back_leaves_what_those_before_it_changed() {
        let mut rows = Rows::<Toy>::default();
        rows.load(Accounts, "b", 1);
        rows.load(Accounts, "a", 1);
        rows.begin_input();
        rows.set(Accounts, "b", 2);
        rows.begin_input();
        rows.set(Accounts, "b", 3);
        rows.set(Accounts, "a", 3);
        rows.set(Accounts, "b", 4);
        rows.roll_back_input();
        assert_eq!((*rows.get(Accounts, "a"), *rows.get(Accounts, "b")), (1, 2));
        assert_eq!(updated(&rows), [("b".into(), 2)]);
    }

    #[test]
    fn what_did_not_change_is_not_written_and_fresh_rows_are_inserted_in_key_order() {
        let mut rows = Rows::<Toy>::default();
        rows.load(Accounts, "same", 1);
        rows.load_fresh(Accounts, "y".into(), 0);
        rows.load_fresh(Accounts, "x".into(), 0);
        rows.load_fresh(Accounts, "never used".into(), 0);
        rows.begin_input();
        for (key, row) in [("same", 1), ("y", 1), ("x", 2)] {
            rows.set(Accounts, key, row);
        }
        let changes = rows.changes(Accounts).unwrap();
        assert_eq!((changes.fresh, changes.updates), (vec![("x".into(), 2), ("y".into(), 1)], vec![]));
        assert!(rows.changes(Shelves).is_none());
    }

    #[test]
    fn a_row_that_was_not_there_is_inserted_or_looked_for_again() {
        let mut rows = Rows::<Toy>::default();
        for key in ["written", "read", "taken back"] {
            rows.load_absent(Accounts, key.into(), 0);
        }
        rows.begin_input();
        rows.set(Accounts, "written", 1);
        rows.begin_input();
        rows.set(Accounts, "taken back", 1);
        rows.roll_back_input();
        let changes = rows.changes(Accounts).unwrap();
        assert_eq!(
            (changes.inserts, changes.absent),
            (vec![("written".into(), 1)], vec!["read".into(), "taken back".into()])
        );
        assert!(changes.fresh.is_empty() && changes.updates.is_empty());
    }

    #[test]
    #[should_panic(expected = "was not named by touches()")]
    fn a_row_that_was_not_named_is_a_mistake_of_the_rules() {
        Rows::<Toy>::default().get(Accounts, "a");
    }
}

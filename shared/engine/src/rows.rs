//! The rows that a batch of inputs holds locked, as the rules see them.

use std::collections::{BTreeSet, HashMap};

use crate::participant::Participant;

/// A row that an input may read or change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Touch {
    pub key: String,
    /// The key was minted for this input, so nobody else can hold it: no row to create or lock beforehand.
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
    changed: BTreeSet<Place<P>>,
    /// What the current input overwrote, newest last.
    undo: Vec<(Place<P>, P::Row, bool)>,
}

impl<P: Participant> Default for Rows<P> {
    fn default() -> Self {
        Self { rows: HashMap::new(), fresh: BTreeSet::new(), changed: BTreeSet::new(), undo: Vec::new() }
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
        self.find(table, key).unwrap_or_else(|| panic!("{} row {key} of {table:?} was not named by touches()", P::NAME))
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

    /// What has to be written to `table`: rows to insert and rows to update, each in key order.
    pub(crate) fn changes(&self, table: P::Table) -> Changes<P> {
        let mut changes = Changes { inserts: Vec::new(), updates: Vec::new() };
        for place in self.changed.iter().filter(|place| place.0 == table) {
            let row = (place.1.clone(), self.rows[place].clone());
            if self.fresh.contains(place) {
                changes.inserts.push(row);
            } else {
                changes.updates.push(row);
            }
        }
        changes
    }
}

pub(crate) struct Changes<P: Participant> {
    pub inserts: Vec<(String, P::Row)>,
    pub updates: Vec<(String, P::Row)>,
}

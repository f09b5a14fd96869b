//! Rows of another table that a rule asked for.

use std::collections::BTreeMap;

use super::routed::{Routed, TableId};
use crate::{AnyRow, Row, rows::Rows};

/// The further rows of one input, by key. They are locked, each is there: one that was never written is its type's default.
#[derive(Debug)]
pub struct Further<X> {
    rows: BTreeMap<String, X>,
}

impl<X: Row> Further<X> {
    /// The row.
    ///
    /// # Panics
    /// If the route does not name its key: a mistake in the rules, which parks the input.
    pub fn get(&self, key: &str) -> &X {
        self.rows.get(key).unwrap_or_else(|| undeclared::<X>(key))
    }

    /// The row, to change it.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn get_mut(&mut self, key: &str) -> &mut X {
        self.rows.get_mut(key).unwrap_or_else(|| undeclared::<X>(key))
    }

    /// All of them with their keys, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &X)> {
        self.rows.iter().map(|(key, row)| (key.as_str(), row))
    }

    pub(super) fn read(keys: Vec<String>, rows: &Rows<Routed>) -> Self {
        let read = |key: String| {
            let row = row(rows, &key);
            (key, row)
        };
        Self { rows: keys.into_iter().map(read).collect() }
    }

    pub(super) fn write(self, rows: &mut Rows<Routed>) {
        for (key, row) in self.rows {
            rows.set(TableId(X::TABLE), &key, AnyRow::new(row));
        }
    }
}

fn undeclared<X: Row>(key: &str) -> ! {
    panic!("{} row {key} was not named by the route's keys", X::TABLE.name)
}

/// The row as it stands in the batch.
///
/// # Panics
/// If it is not among those that are locked: a mistake, which parks the input.
pub(super) fn row<R: Row>(rows: &Rows<Routed>, key: &str) -> R {
    rows.get(TableId(R::TABLE), key).get::<R>().cloned().unwrap_or_default()
}

/// The row as far as it is known before all rows are locked.
pub(super) fn row_so_far<R: Row>(rows: &Rows<Routed>, key: &str) -> R {
    rows.find(TableId(R::TABLE), key).and_then(AnyRow::get::<R>).cloned().unwrap_or_default()
}

//! Rows of another table that a rule asked for.

use std::{any::type_name, collections::BTreeMap};

use super::dispatch::{Routed, TableId};
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
/// If it is not among those that are locked, or of another type: a mistake, which parks the input.
pub(super) fn row<R: Row>(rows: &Rows<Routed>, key: &str) -> R {
    typed(rows.get(TableId(R::TABLE), key), key)
}

/// The row as far as it is known before all rows are locked.
///
/// # Panics
/// If it is of another type.
pub(super) fn row_so_far<R: Row>(rows: &Rows<Routed>, key: &str) -> R {
    rows.find(TableId(R::TABLE), key).map_or_else(R::default, |row| typed(row, key))
}

/// One of another type must not look as if it were not there: it would be written over.
pub(crate) fn typed<R: Row>(row: &AnyRow, key: &str) -> R {
    row.get().cloned().unwrap_or_else(|| {
        panic!("the {} row {key} is no {}: the table has rows of two types", R::TABLE.name, type_name::<R>())
    })
}

//! Rows: a table, its key and its columns are declared once, beside the struct; the engine makes the statements.

mod cell;
mod erased;
pub mod macros;
#[cfg(test)]
mod tests;

use std::fmt;

pub use cell::{Cell, Json, Kind, RowError, Value};
pub use erased::{AnyRecord, AnyRow};

/// A table of a service's own database. Its migration is the service's.
#[derive(Debug)]
pub struct Table {
    /// Its name in the database.
    pub name: &'static str,
    /// The column of its key, a `text`. Empty for records, which have none.
    pub key: &'static str,
    /// The columns beside the key, in the order of the cells.
    pub columns: &'static [Column],
    /// What the `UPDATE` of locked rows sets, in the service's own SQL, in place of each column's new value: the list behind
    /// `SET`. `new` is the row as its rule left it, with the key and the columns that are not written once; by the table's
    /// name goes the row as it stands. Which rows are updated, and the count of their events, remains the engine's.
    ///
    /// It is for columns that no rule reads, as a revision or the highest value so far. What a rule reads must be set as the
    /// rule left it: later inputs of the same batch have seen it, and the models of tests know no SQL. Records are never
    /// updated, so of theirs it is `None`.
    pub update: Option<&'static str>,
}

/// A column beside the key.
#[derive(Debug)]
pub struct Column {
    /// Its name in the database.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// It is written with a new row, and never again.
    pub once: bool,
}

/// A row of a table, as rules see it.
///
/// The default stands for "nothing known yet". [`table!`](crate::table!) implements it for a struct whose fields are the
/// columns; by hand it is implemented where a row is not that simple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row: no table is declared for it",
    label = "this needs a table",
    note = "declare it beside the struct: `table!({Self} in TABLE by KEY: COLUMN, COLUMN);`"
)]
pub trait Row: Clone + PartialEq + Default + fmt::Debug + Send + Sync + 'static {
    /// Where it stands.
    const TABLE: &'static Table;

    /// What stands in a column, by its place in the table's list.
    fn cell(&self, column: usize) -> Cell<'_>;

    /// Puts a row together from its cells, in the order of the table's columns. Called for each row that a transaction has locked.
    ///
    /// # Errors
    /// A row that this version can't read, as one that a newer version wrote, concerns the inputs of that row alone.
    fn read(cells: &mut Cells<'_>) -> Result<Self, RowError>;
}

/// A line that is appended and never changed: a ledger, a history.
///
/// [`records!`](crate::records!) implements it for a struct whose fields are the columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no record: no table is declared to which it is appended",
    label = "this needs a table",
    note = "declare it beside the struct: `records!({Self} in TABLE: COLUMN, COLUMN);`"
)]
pub trait Record: fmt::Debug + Send + Sync + 'static {
    /// Where it is appended. Its key is empty.
    const TABLE: &'static Table;

    /// What stands in a column, by its place in the table's list.
    fn cell(&self, column: usize) -> Cell<'_>;
}

/// The cells of a row that is read, each taken once, in the order of the columns.
pub struct Cells<'a> {
    table: &'static Table,
    next: usize,
    read: &'a mut dyn FnMut(usize, Kind) -> Result<Cell<'static>, RowError>,
}

impl<'a> Cells<'a> {
    /// `read` gives the cell of a column, by its place in the table's list.
    pub fn new(table: &'static Table, read: &'a mut dyn FnMut(usize, Kind) -> Result<Cell<'static>, RowError>) -> Self {
        Self { table, next: 0, read }
    }

    /// The value of the next column.
    ///
    /// # Errors
    /// It names table and column.
    pub fn take<V: Value>(&mut self) -> Result<V, RowError> {
        let column = self.table.columns.get(self.next);
        let column = column.ok_or_else(|| RowError(format!("{} has no column {}", self.table.name, self.next)))?;
        let cell = (self.read)(self.next, column.kind)?;
        self.next += 1;
        V::read(cell).map_err(|why| RowError(format!("{}.{}: {why}", self.table.name, column.name)))
    }
}

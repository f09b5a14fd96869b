//! Rows and records of any table, as the engine carries them.

use std::{any::Any, fmt, sync::Arc};

use super::{Cell, Record, Row, Table};

/// A row of some table. Cloning it copies no data.
#[derive(Clone)]
pub struct AnyRow(Arc<dyn ErasedRow>);

trait ErasedRow: Any + fmt::Debug + Send + Sync {
    fn table(&self) -> &'static Table;
    fn cell(&self, column: usize) -> Cell<'_>;
    fn same(&self, other: &dyn Any) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<R: Row> ErasedRow for R {
    fn table(&self) -> &'static Table {
        R::TABLE
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        Row::cell(self, column)
    }

    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<R>().is_some_and(|other| self == other)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl AnyRow {
    /// Wraps a row.
    pub fn new<R: Row>(row: R) -> Self {
        Self(Arc::new(row))
    }

    /// The row, if it is one of this type.
    pub fn get<R: Row>(&self) -> Option<&R> {
        self.0.as_any().downcast_ref()
    }

    /// Where it stands.
    pub fn table(&self) -> &'static Table {
        self.0.table()
    }

    /// What stands in a column.
    pub fn cell(&self, column: usize) -> Cell<'_> {
        self.0.cell(column)
    }
}

impl PartialEq for AnyRow {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.same(other.0.as_any())
    }
}

impl fmt::Debug for AnyRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A record of some table. Cloning it copies no data.
#[derive(Clone)]
pub struct AnyRecord(Arc<dyn ErasedRecord>);

trait ErasedRecord: Any + fmt::Debug + Send + Sync {
    fn table(&self) -> &'static Table;
    fn cell(&self, column: usize) -> Cell<'_>;
    fn as_any(&self) -> &dyn Any;
}

impl<R: Record> ErasedRecord for R {
    fn table(&self) -> &'static Table {
        R::TABLE
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        Record::cell(self, column)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl AnyRecord {
    /// Wraps a record.
    pub fn new<R: Record>(record: R) -> Self {
        Self(Arc::new(record))
    }

    /// The record, if it is one of this type.
    pub fn get<R: Record>(&self) -> Option<&R> {
        self.0.as_any().downcast_ref()
    }

    /// Where it is appended.
    pub fn table(&self) -> &'static Table {
        self.0.table()
    }

    /// What stands in a column.
    pub fn cell(&self, column: usize) -> Cell<'_> {
        self.0.cell(column)
    }
}

impl fmt::Debug for AnyRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

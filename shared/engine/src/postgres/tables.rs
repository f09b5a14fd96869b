//! What a service writes in SQL: its own tables. Everything set-based, one statement each,
//! on a [`Session`], which is an executor of sqlx's: `sqlx::query(…).execute(db)`, or `&mut *db` where it is used again.

use std::future::Future;

use super::Session;
use crate::participant::Participant;

/// A table and its key, a text column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyColumn {
    pub table: &'static str,
    pub column: &'static str,
}

/// A participant's tables in PostgreSQL. Keys and rows arrive sorted by key, without repeats.
pub trait Tables: Participant {
    /// Where a table's rows stand, for locking those that are free.
    fn key_column(&self, table: Self::Table) -> KeyColumn;

    /// Inserts the rows that are missing, in their absent state (`INSERT … SELECT unnest … ON CONFLICT DO NOTHING`).
    fn ensure(
        &self,
        db: &mut Session,
        table: Self::Table,
        keys: &[String],
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Reads rows and locks them: `… WHERE key = ANY($1) ORDER BY key FOR UPDATE`.
    fn lock(
        &self,
        db: &mut Session,
        table: Self::Table,
        keys: &[String],
    ) -> impl Future<Output = sqlx::Result<Vec<(String, Self::Row)>>> + Send;

    /// Inserts rows under keys that were newly minted.
    fn insert(
        &self,
        db: &mut Session,
        table: Self::Table,
        rows: &[(String, Self::Row)],
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Overwrites rows that are locked.
    fn update(
        &self,
        db: &mut Session,
        table: Self::Table,
        rows: &[(String, Self::Row)],
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Appends records.
    fn append(&self, db: &mut Session, records: &[Self::Record]) -> impl Future<Output = sqlx::Result<()>> + Send;
}

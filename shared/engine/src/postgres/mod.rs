//! The engine's statements in SQL. One method of a port, one statement, set-based.

mod admin;
mod calls;
mod depths;
mod due;
mod error;
mod headers;
mod held;
mod journal;
mod leases;
mod locking;
mod maintenance;
mod migrations;
mod outbox;
mod payloads;
mod pool;
mod readable;
mod session;
mod statement;
mod stopped;
mod sweep;
mod tables;
mod transaction;
mod waiting;

use std::sync::Arc;

pub use admin::{DeadMessageView, DiscardError, HeldView};
pub use calls::{CallView, SettledView};
pub use depths::{Depths, depths};
pub use error::store_error;
pub use journal::{end_run, start_run};
pub use maintenance::{drop_partitions, inbox_floor, make_leases, make_partitions};
pub use migrations::{MigrationProblem, expect_migrated, grant, migrate};
pub use payloads::Kept;
pub use pool::{Limits, Pool};
pub use session::Session;
pub use stopped::{StoppedView, stopped_keys};
pub use sweep::sweep;
pub use tables::{KeyColumn, Tables};
pub use transaction::PgTransaction;

use crate::{
    delivery::Position,
    store::{Database, StoreError},
};

/// A service's database.
pub struct Postgres<P> {
    pub pool: Pool,
    participant: Arc<P>,
    ranges: i32,
}

impl<P> Clone for Postgres<P> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), participant: self.participant.clone(), ranges: self.ranges }
    }
}

impl<P: Tables> Postgres<P> {
    /// `ranges`: the number of key ranges of the outbox; the same for all replicas.
    pub fn new(pool: Pool, participant: Arc<P>, ranges: i32) -> Self {
        Self { pool, participant, ranges }
    }
}

impl<P: Tables> Database<P> for Postgres<P> {
    type Transaction = PgTransaction<P>;

    async fn begin(&self) -> Result<Self::Transaction, StoreError> {
        let tx = self.pool.begin().await.map_err(store_error)?;
        Ok(PgTransaction::new(tx, self.participant.clone(), self.ranges))
    }

    async fn begun(&self, messages: &[Position]) -> Result<Vec<u32>, StoreError> {
        journal::begun(&self.pool, messages).await.map_err(store_error)
    }

    async fn write_begun(&self, messages: &[Position], times: &[u32]) -> Result<(), StoreError> {
        journal::write_begun(&self.pool, messages, times).await.map_err(store_error)
    }

    async fn forget_begun(&self, messages: &[Position]) -> Result<(), StoreError> {
        journal::forget_begun(&self.pool, messages).await.map_err(store_error)
    }
}

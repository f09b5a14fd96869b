//! The engine's statements in SQL. One method of a port, one statement, set-based.

#![warn(missing_docs)]

mod admin;
mod archive;
mod calls;
mod deferred_events;
mod due_rows;
mod error;
mod event_counts;
mod headers;
mod journal;
mod leases;
mod lock;
mod maintenance;
mod migrations;
mod optimism;
mod outbox;
mod parts;
mod payloads;
mod pool;
mod queue_depths;
mod row_reader;
mod session;
mod statement;
mod stopped_keys;
mod sweep;
mod tables;
mod transaction;
mod waiting_rows;
mod write;

use std::sync::Arc;

pub use admin::{DeadMessageView, DeferredView, DiscardError};
pub use archive::{ArchiveError, FinishedRows, Keep, OldRecords, Page};
pub use calls::{CallView, SettledView};
pub use error::store_error;
pub use event_counts::{COUNTS, count_events, expect_counted};
pub use journal::end_run;
pub use maintenance::{commits_last, drop_partitions, inbox_floor, make_leases, make_partitions};
pub use migrations::{MigrationError, expect_migrated, grant, migrate};
pub use payloads::Kept;
pub use pool::{Limits, Pool};
pub use queue_depths::{Depths, depths};
pub use session::Session;
pub use stopped_keys::{StoppedView, stopped_keys};
pub use sweep::sweep;
pub use transaction::PgTransaction;

use chrono::TimeDelta;
use uuid::Uuid;

use choreography_core::{
    delivery::{Delivery, Position},
    routes::Routed,
    store::{Crashes, Database, Stage, StoreError, Waits},
};

/// A service's database.
#[derive(Clone)]
pub struct Postgres {
    /// Its connections.
    pub pool: Pool,
    participant: Arc<Routed>,
    ranges: i32,
    /// This process, from its start to its end.
    run: Uuid,
}

impl Postgres {
    /// Whose tables they are.
    pub fn participant(&self) -> &Routed {
        &self.participant
    }

    /// `ranges`: the number of key ranges of the outbox; the same for all replicas.
    pub fn new(pool: Pool, participant: Arc<Routed>, ranges: i32) -> Self {
        Self { pool, participant, ranges, run: Uuid::now_v7() }
    }

    /// Writes down that this instance runs; says whether its last run crashed. What that had under way counts as crashed
    /// over from now on. Call it once, before anything is handled. Notes older than `forget_after` go.
    pub async fn start_run(&self, instance: &str, forget_after: TimeDelta) -> sqlx::Result<bool> {
        journal::start_run(&self.pool, instance, self.run, forget_after).await
    }
}

impl Database<Routed> for Postgres {
    type Transaction = PgTransaction;

    async fn begin(&self, waits: Waits) -> Result<Self::Transaction, StoreError> {
        let (tx, now) =
            self.pool.begin_with(&lock::limits(waits, &self.participant)).await.map_err(store_error).map_err(
                |error| match error {
                    StoreError::Contention(why) => {
                        StoreError::Unavailable(format!("a table is locked as a whole by another session: {why}"))
                    }
                    other => other,
                },
            )?;
        Ok(PgTransaction::new(tx, self.participant.clone(), self.ranges, now))
    }

    async fn begin_optimistic(&self) -> Option<Self::Transaction> {
        let lent = self.pool.lend()?;
        Some(PgTransaction::optimistic(lent, self.participant.clone(), self.ranges))
    }

    async fn crashes(&self, messages: &[Position]) -> Result<Vec<Crashes>, StoreError> {
        journal::crashes(&self.pool, messages).await.map_err(store_error)
    }

    async fn begin_messages(&self, messages: &[Position], stage: Stage) -> Result<(), StoreError> {
        journal::begin_messages(&self.pool, self.run, messages, stage).await.map_err(store_error)
    }

    async fn end_messages(&self, messages: &[Position]) -> Result<(), StoreError> {
        journal::end_messages(&self.pool, messages).await.map_err(store_error)
    }

    async fn is_kept(&self, message: &Delivery) -> Result<bool, StoreError> {
        journal::is_kept(&self.pool, message).await.map_err(store_error)
    }
}

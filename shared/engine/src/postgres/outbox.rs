//! The outbox as the relay reads and marks it.

use chrono::TimeDelta;
use sqlx::Row;
use uuid::Uuid;

use super::{Postgres, Tables, error::store_error, headers, leases};
use crate::{
    outbox::OutboxRow,
    relay::{Lease, OutboxStore},
    store::{OutboxMessage, StoreError},
};

impl<P: Tables> OutboxStore for Postgres<P> {
    async fn claim(&self, holder: Uuid, lease: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let mut tx = self.pool.begin().await.map_err(store_error)?;
        let leases = leases::claim(&mut tx, holder, lease).await.map_err(store_error)?;
        tx.commit().await.map_err(store_error)?;
        Ok(leases)
    }

    async fn unpublished(&self, ranges: &[i32], limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, range, topic, key, payload, headers FROM outbox
             WHERE published_at IS NULL AND range = ANY($1) ORDER BY number LIMIT $2",
        )
        .bind(ranges)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let message = OutboxMessage {
                    topic: row.try_get("topic")?,
                    key: row.try_get("key")?,
                    payload: row.try_get("payload")?,
                    headers: headers::decode(row.try_get("headers")?)?,
                };
                Ok(OutboxRow { number: row.try_get("number")?, range: row.try_get("range")?, message })
            })
            .collect::<sqlx::Result<_>>()
            .map_err(store_error)
    }

    async fn mark(&self, leases: &[Lease], numbers: &[i64]) -> Result<u64, StoreError> {
        let (ranges, epochs): (Vec<i32>, Vec<i64>) = leases.iter().map(|lease| (lease.range, lease.epoch)).unzip();
        // The lease rows are locked against a claim in between: whoever marks holds the range while marking.
        let marked = sqlx::query(
            "WITH mine AS MATERIALIZED (
                 SELECT l.range FROM relay_leases l JOIN unnest($1::int[], $2::bigint[]) AS held (range, epoch)
                 ON l.range = held.range AND l.epoch = held.epoch ORDER BY l.range FOR SHARE OF l)
             UPDATE outbox SET published_at = now()
             WHERE published_at IS NULL AND number = ANY($3) AND range IN (SELECT range FROM mine)",
        )
        .bind(ranges)
        .bind(epochs)
        .bind(numbers)
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(marked.rows_affected())
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        sqlx::query(
            "WITH gone AS (DELETE FROM relays WHERE holder = $1)
             UPDATE relay_leases SET holder = NULL, expires_at = '-infinity' WHERE holder = $1",
        )
        .bind(holder)
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(())
    }
}

//! The outbox as the relay reads and marks it.

use chrono::TimeDelta;
use futures::TryStreamExt;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, error::store_error, headers, leases, readable};
use choreography_core::{
    outbox::OutboxRow,
    relay::{Lane, Lease, OutboxStore, Reading, Refused, Unpublished},
    store::{OutboxMessage, StoreError},
};

/// The leases of `$1` whose epochs are still those of `$2`, locked against a claim in between: whoever writes in their
/// name holds the range meanwhile. Whether they have expired is nothing to it, as long as nobody else took the range.
macro_rules! with_mine {
    ($statement:literal) => {
        concat!(
            "WITH mine AS MATERIALIZED (
                 SELECT l.range FROM relay_leases l JOIN unnest($1::int[], $2::bigint[]) AS held (range, epoch)
                 ON l.range = held.range AND l.epoch = held.epoch ORDER BY l.range FOR SHARE OF l) ",
            $statement
        )
    };
}

impl OutboxStore for Postgres {
    async fn claim(&self, holder: Uuid, lane: Lane, lease: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let mut tx = self.pool.begin().await.map_err(store_error)?;
        let leases = leases::claim(&mut tx, holder, lane, self.ranges, lease).await.map_err(store_error)?;
        tx.commit().await.map_err(store_error)?;
        Ok(leases)
    }

    async fn renew(&self, holder: Uuid, lease: TimeDelta) -> Result<(), StoreError> {
        leases::renew(&self.pool, holder, lease).await.map_err(store_error)
    }

    async fn unpublished(&self, reading: &Reading) -> Result<Unpublished, StoreError> {
        // Each range is read from its own first row, so that what waits in one is nothing to the others. Sizes are known
        // without reading what is stored out of line; of what is beyond the limit nothing is.
        let rows = sqlx::query(
            "SELECT number, range, topic, key, payload, headers FROM (
                 SELECT waiting.*, sum(size) OVER (ORDER BY number) - size AS before
                 FROM unnest($1::int[]) AS held (range) CROSS JOIN LATERAL (
                     SELECT o.number, o.range, o.topic, o.key, o.payload, o.headers,
                            coalesce(octet_length(o.payload), 0) + coalesce(octet_length(o.key), 0)
                            + octet_length(o.headers) AS size
                     FROM outbox o
                     WHERE o.published_at IS NULL AND o.range = held.range AND o.topic <> ALL($2)
                     AND NOT EXISTS (SELECT FROM stopped_keys s WHERE s.number = o.number)
                     AND NOT EXISTS (SELECT FROM stopped_keys s WHERE s.topic = o.topic AND s.key = o.key)
                     ORDER BY o.number LIMIT $3) AS waiting) AS first
             WHERE before < $4 ORDER BY number LIMIT $5",
        )
        .bind(&reading.ranges)
        .bind(&reading.without_topics)
        .bind(count(reading.rows_per_range()))
        .bind(count(reading.bytes))
        .bind(count(reading.rows))
        .fetch(&self.pool);
        // Each row as it was received is dropped once it is decoded.
        let read = |mut found: Unpublished, row: PgRow| async move {
            match readable::read(&row, outbox_row) {
                Ok(row) => found.rows.push(row),
                Err(error) => {
                    found.unreadable.push(Refused { number: row.try_get("number")?, error: error.to_string() });
                }
            }
            Ok(found)
        };
        rows.try_fold(Unpublished::default(), read).await.map_err(store_error)
    }

    async fn mark(&self, leases: &[Lease], rows: &[(i32, i64)]) -> Result<u64, StoreError> {
        let (held, epochs): (Vec<i32>, Vec<i64>) = leases.iter().map(|lease| (lease.range, lease.epoch)).unzip();
        let (ranges, numbers): (Vec<i32>, Vec<i64>) = rows.iter().copied().unzip();
        let marked = sqlx::query(with_mine!(
            "UPDATE outbox SET published_at = now()
             FROM (SELECT range, array_agg(number) AS numbers FROM unnest($3::int[], $4::bigint[]) AS sent (range, number)
                   WHERE range IN (SELECT range FROM mine) GROUP BY range) AS done
             WHERE published_at IS NULL AND outbox.range = done.range AND number = ANY(done.numbers)"
        ))
        .bind(held)
        .bind(epochs)
        .bind(ranges)
        .bind(numbers)
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(marked.rows_affected())
    }

    async fn stop(&self, leases: &[Lease], refused: &[Refused]) -> Result<u64, StoreError> {
        let (held, epochs): (Vec<i32>, Vec<i64>) = leases.iter().map(|lease| (lease.range, lease.epoch)).unzip();
        let (numbers, errors): (Vec<i64>, Vec<&str>) =
            refused.iter().map(|row| (row.number, row.error.as_str())).unzip();
        let stopped = sqlx::query(with_mine!(
            "INSERT INTO stopped_keys (number, range, topic, key, error)
             SELECT o.number, o.range, o.topic, o.key, refused.error
             FROM unnest($3::bigint[], $4::text[]) AS refused (number, error), mine, outbox o
             WHERE o.published_at IS NULL AND o.range = mine.range AND o.number = refused.number
             ON CONFLICT DO NOTHING"
        ))
        .bind(held)
        .bind(epochs)
        .bind(numbers)
        .bind(errors)
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(stopped.rows_affected())
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

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn outbox_row(row: &PgRow) -> sqlx::Result<OutboxRow> {
    let message = OutboxMessage {
        topic: row.try_get("topic")?,
        key: row.try_get("key")?,
        payload: row.try_get("payload")?,
        headers: headers::decode(row.try_get("headers")?)?,
    };
    Ok(OutboxRow { number: row.try_get("number")?, range: row.try_get("range")?, message })
}

//! What has come due: deadlines and calls.

use choreography_core::{
    calls::{CallStore, Claimed, Contradiction, LateAnswer, Postponed},
    deadlines::{self, DeadlineStore, Due},
    store::StoreError,
};
use chrono::TimeDelta;
use sqlx::{Row, postgres::PgRow};
use tracing::error;
use uuid::Uuid;

use super::{Postgres, error::store_error, row_reader, waiting_rows};

/// How long an open call waits that this version can't read; another one may.
const UNREADABLE: TimeDelta = TimeDelta::minutes(1);

impl DeadlineStore for Postgres {
    async fn due(&self, limit: usize) -> Result<Due, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // What another transaction has locked is being settled, or comes again; this query does not wait for it.
        let rows = sqlx::query(
            "SELECT id, aggregate_id, name, due_at, correlation_id, traceparent, tracestate, attempts, last_error,
                    not_before
             FROM deadlines WHERE coalesce(not_before, due_at) <= now()
             ORDER BY coalesce(not_before, due_at) LIMIT $1 FOR UPDATE SKIP LOCKED",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        let (now, next) = sqlx::query_as(
            "SELECT now(), (SELECT min(coalesce(not_before, due_at)) FROM deadlines
                            WHERE coalesce(not_before, due_at) > now() AND coalesce(not_before, due_at) < 'infinity')",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        let mut due = Due { now, due: Vec::new(), unreadable: Vec::new(), next };
        for row in &rows {
            match row_reader::read(row, waiting_rows::deadline) {
                Ok(deadline) => due.due.push(deadline),
                Err(error) => due.unreadable.push((row.try_get("id").map_err(store_error)?, error.to_string())),
            }
        }
        Ok(due)
    }

    async fn postpone(&self, deadlines: &[deadlines::Postponed]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = deadlines.iter().map(|row| row.id).collect();
        let waits: Vec<f64> = deadlines.iter().map(|row| row.wait.as_seconds_f64()).collect();
        let whys: Vec<String> =
            deadlines.iter().map(|row| choreography_core::dead_letter::shortened(&row.why)).collect();
        sqlx::query(
            "UPDATE deadlines SET not_before = now() + make_interval(secs => wait), last_error = why,
                    attempts = attempts + 1
             FROM unnest($1::uuid[], $2::float8[], $3::text[]) AS later (id, wait, why) WHERE deadlines.id = later.id",
        )
        .bind(ids)
        .bind(waits)
        .bind(whys)
        .execute(&self.pool)
        .await
        .map_err(store_error)
        .map(drop)
    }
}

impl CallStore for Postgres {
    async fn claim(&self, limit: usize, bytes: usize, lease: TimeDelta) -> Result<Vec<Claimed>, StoreError> {
        let rows = sqlx::query(
            "WITH picked AS MATERIALIZED (
                 SELECT id, not_before, octet_length(request) AS size FROM intents
                 WHERE not_before <= now() ORDER BY not_before LIMIT $1 FOR UPDATE SKIP LOCKED),
             counted AS (
                 SELECT id, size, sum(size) OVER (ORDER BY not_before, id) AS total FROM picked)
             UPDATE intents SET attempts = attempts + 1, not_before = now() + $2
             WHERE id IN (SELECT id FROM counted WHERE total <= $3 OR total = size)
             RETURNING *, extract(epoch FROM clock_timestamp() - intended_at)::float8 AS age",
        )
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(lease)
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        let mut read = Vec::with_capacity(rows.len());
        let mut unreadable = Vec::new();
        for row in &rows {
            match row_reader::read(row, claimed) {
                Ok(call) => read.push(call),
                Err(error) => {
                    let id = row.try_get("id").map_err(store_error)?;
                    error!(call = %id, %error, "an open call can't be read; others go on");
                    unreadable.push(Postponed { id, wait: UNREADABLE, why: error.to_string() });
                }
            }
        }
        if !unreadable.is_empty() {
            CallStore::postpone(self, &unreadable).await?;
        }
        Ok(read)
    }

    async fn contradictions(&self, late: &[LateAnswer]) -> Result<Vec<Contradiction>, StoreError> {
        self.contradicted(late).await.map_err(store_error)
    }

    async fn postpone(&self, calls: &[Postponed]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = calls.iter().map(|row| row.id).collect();
        let waits: Vec<f64> = calls.iter().map(|row| row.wait.as_seconds_f64()).collect();
        let whys: Vec<String> = calls.iter().map(|row| choreography_core::dead_letter::shortened(&row.why)).collect();
        sqlx::query(
            "WITH later AS (
                 SELECT id, wait, why FROM intents
                 JOIN unnest($1::uuid[], $2::float8[], $3::text[]) AS later (id, wait, why) USING (id)
                 ORDER BY id FOR UPDATE OF intents)
             UPDATE intents SET not_before = now() + make_interval(secs => wait), last_error = why
             FROM later WHERE intents.id = later.id",
        )
        .bind(ids)
        .bind(waits)
        .bind(whys)
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(())
    }
}

fn claimed(row: &PgRow) -> sqlx::Result<Claimed> {
    let age: f64 = row.try_get("age")?;
    let age = TimeDelta::milliseconds((age * 1_000.0).ceil() as i64);
    Ok(Claimed { call: waiting_rows::pending_call(row)?, age })
}

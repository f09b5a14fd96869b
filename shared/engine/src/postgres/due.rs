//! What has come due: deadlines, intents, held events.

use chrono::TimeDelta;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, Tables, error::store_error, waiting};
use crate::{
    deadlines::{DeadlineStore, Due},
    input::{Event, HeldEvent},
    intents::{IntentStore, Postponed},
    retry::HeldStore,
    store::{Intent, StoreError},
};

impl<P: Tables> DeadlineStore for Postgres<P> {
    async fn due(&self, limit: usize) -> Result<Due, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = sqlx::query(
            "SELECT id, aggregate_id, name, due_at, correlation_id, traceparent, tracestate
             FROM deadlines WHERE due_at <= now() ORDER BY due_at LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        let (now, next) = sqlx::query_as("SELECT now(), (SELECT min(due_at) FROM deadlines WHERE due_at > now())")
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        let due = rows.iter().map(waiting::deadline).collect::<sqlx::Result<_>>().map_err(store_error)?;
        Ok(Due { now, due, next })
    }
}

impl<P: Tables> IntentStore for Postgres<P> {
    async fn claim(&self, limit: usize, lease: TimeDelta) -> Result<Vec<Intent>, StoreError> {
        let rows = sqlx::query(
            "UPDATE intents SET attempts = attempts + 1, not_before = now() + $2
             WHERE id IN (SELECT id FROM intents WHERE not_before <= now() ORDER BY not_before LIMIT $1
                          FOR UPDATE SKIP LOCKED)
             RETURNING *",
        )
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(lease)
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        rows.iter().map(waiting::intent).collect::<sqlx::Result<_>>().map_err(store_error)
    }

    async fn postpone(&self, intents: &[Postponed]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = intents.iter().map(|row| row.id).collect();
        let waits: Vec<f64> = intents.iter().map(|row| row.wait.as_seconds_f64()).collect();
        let whys: Vec<String> = intents.iter().map(|row| crate::dead_letter::shortened(&row.why)).collect();
        sqlx::query(
            "UPDATE intents SET not_before = now() + make_interval(secs => wait), last_error = why
             FROM unnest($1::uuid[], $2::float8[], $3::text[]) AS later (id, wait, why) WHERE intents.id = later.id",
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

impl<P: Tables> HeldStore for Postgres<P> {
    async fn due(&self, keys: usize, per_key: usize) -> Result<Vec<HeldEvent>, StoreError> {
        let rows = sqlx::query(
            "WITH heads AS (
                 SELECT DISTINCT ON (key) key, status, due_at FROM held_events ORDER BY key, number),
             ready AS (
                 SELECT key FROM heads WHERE status = 'queued' OR (status = 'retrying' AND due_at <= now())
                 ORDER BY due_at LIMIT $1)
             SELECT held.* FROM ready CROSS JOIN LATERAL (
                 SELECT * FROM held_events h
                 WHERE h.key = ready.key
                   AND NOT EXISTS (SELECT FROM held_events p
                                   WHERE p.key = h.key AND p.status = 'parked' AND p.number <= h.number)
                 ORDER BY number LIMIT $2) held
             ORDER BY held.number",
        )
        .bind(i64::try_from(keys).unwrap_or(i64::MAX))
        .bind(i64::try_from(per_key).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        rows.iter().map(held_event).collect::<sqlx::Result<_>>().map_err(store_error)
    }

    async fn queue_from(&self, number: i64, limit: usize) -> Result<Vec<HeldEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM held_events
             WHERE key = (SELECT key FROM held_events WHERE number = $1) AND number >= $1 ORDER BY number LIMIT $2",
        )
        .bind(number)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        rows.iter().map(held_event).collect::<sqlx::Result<_>>().map_err(store_error)
    }
}

fn held_event(row: &PgRow) -> sqlx::Result<HeldEvent> {
    let attempts: i32 = row.try_get("attempts")?;
    Ok(HeldEvent {
        number: row.try_get("number")?,
        event: Event {
            id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            aggregate_id: row.try_get("key")?,
            delivery: waiting::delivery(row)?,
        },
        attempts: u32::try_from(attempts).unwrap_or_default(),
        first_failed_at: row.try_get("first_failed_at")?,
        redrive: false,
    })
}

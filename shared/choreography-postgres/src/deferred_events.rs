//! Deferred events: which are next, and which wait behind them.

use std::time::Duration;

use choreography_core::{
    dead_letter::shortened,
    input::{DeferredEvent, Event},
    retry::{Claimed, DeferredStore, Limits, UnreadableRow},
    store::StoreError,
};
use chrono::TimeDelta;
use sqlx::{Row, postgres::PgRow};

use super::{Postgres, error::store_error, row_reader, waiting_rows};

/// `next`: events that wait for none before them, and that no other is taking. `claimed`: as many as fit, kept from others by their due
/// time. `behind`: what follows the first of a key. A sum that excludes the row itself lets one of any size through.
const CLAIM: &str = "
    WITH next AS (
        SELECT number, key, due_at, coalesce(octet_length(payload), 0) + octet_length(headers) AS bytes
        FROM held_events h
        WHERE status <> 'parked' AND due_at <= now()
          AND NOT EXISTS (SELECT FROM held_events p WHERE p.key = h.key AND p.number < h.number
                          AND (NOT h.overtakes OR (p.overtakes AND p.status <> 'parked')))
        ORDER BY due_at, number LIMIT $1 FOR UPDATE OF h SKIP LOCKED),
    fitting AS (
        SELECT number, key FROM (
            SELECT number, key, sum(bytes) OVER (ORDER BY due_at, number) - bytes AS before FROM next) n
        WHERE before < $3),
    claimed AS (
        UPDATE held_events h SET due_at = now() + $4 FROM fitting WHERE h.number = fitting.number RETURNING h.*),
    behind AS (
        SELECT f.* FROM fitting CROSS JOIN LATERAL (
            SELECT * FROM held_events b
            WHERE b.key = fitting.key AND b.number > fitting.number
              AND b.number NOT IN (SELECT number FROM fitting)
              AND NOT EXISTS (SELECT FROM held_events w WHERE w.key = b.key AND w.number <= b.number
                              AND w.number <> fitting.number AND (w.status = 'parked' OR w.due_at > now()))
            ORDER BY number LIMIT $2 - 1) f
        WHERE NOT EXISTS (SELECT FROM held_events p WHERE p.key = fitting.key AND p.number < fitting.number)),
    all_of_them AS (
        SELECT *, false AS follows FROM claimed UNION ALL SELECT *, true AS follows FROM behind)
    SELECT * FROM (
        SELECT *, sum(coalesce(octet_length(payload), 0) + octet_length(headers)) OVER (ORDER BY follows, number)
                  - coalesce(octet_length(payload), 0) - octet_length(headers) AS before
        FROM all_of_them) a
    WHERE NOT follows OR before < $3
    ORDER BY number";

const QUEUE_FROM: &str = "
    SELECT * FROM (
        SELECT *, sum(coalesce(octet_length(payload), 0) + octet_length(headers)) OVER (ORDER BY number)
                  - coalesce(octet_length(payload), 0) - octet_length(headers) AS before
        FROM held_events
        WHERE key = (SELECT key FROM held_events WHERE number = $1) AND number >= $1
        ORDER BY number LIMIT $2) q
    WHERE before < $3
    ORDER BY number";

impl DeferredStore for Postgres {
    async fn claim(&self, limits: Limits, lease: TimeDelta) -> Result<Claimed, StoreError> {
        let rows = sqlx::query(CLAIM)
            .bind(number(limits.keys))
            .bind(number(limits.per_key))
            .bind(number(limits.bytes))
            .bind(lease)
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        claimed(&rows).map_err(store_error)
    }

    async fn queue_from(&self, first: i64, limits: Limits) -> Result<Claimed, StoreError> {
        let rows = sqlx::query(QUEUE_FROM)
            .bind(first)
            .bind(number(limits.per_key))
            .bind(number(limits.bytes))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        claimed(&rows).map_err(store_error)
    }

    async fn park_unreadable(&self, rows: &[UnreadableRow]) -> Result<(), StoreError> {
        let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
        let whys: Vec<String> = rows.iter().map(|row| shortened(&row.why)).collect();
        sqlx::query(
            "UPDATE held_events SET status = 'parked', attempts = attempts + 1, error_class = 'unreadable',
                    error_message = why, last_failed_at = now(), first_failed_at = coalesce(first_failed_at, now())
             FROM unnest($1::bigint[], $2::text[]) AS parked (number, why)
             WHERE held_events.number = parked.number AND status <> 'parked'",
        )
        .bind(numbers)
        .bind(whys)
        .execute(&self.pool)
        .await
        .map_err(store_error)
        .map(drop)
    }
}

impl Postgres {
    /// How long until a deferred event is due; `None` if none is to be. Those that are due now, or wait for others of their key, are not
    /// counted.
    ///
    /// # Errors
    /// The database is away.
    pub async fn next_retry(&self) -> Result<Option<Duration>, StoreError> {
        let seconds: Option<f64> = sqlx::query_scalar(
            "SELECT extract(epoch FROM due_at - now())::float8 FROM held_events
             WHERE status <> 'parked' AND due_at > now() ORDER BY due_at LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }
}

fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn claimed(rows: &[PgRow]) -> sqlx::Result<Claimed> {
    let mut claimed = Claimed::default();
    for row in rows {
        match row_reader::read(row, deferred_event) {
            Ok(event) => claimed.events.push(event),
            Err(error) => {
                claimed.unreadable.push(UnreadableRow { number: row.try_get("number")?, why: error.to_string() });
            }
        }
    }
    Ok(claimed)
}

fn deferred_event(row: &PgRow) -> sqlx::Result<DeferredEvent> {
    Ok(DeferredEvent {
        number: row.try_get("number")?,
        event: Event {
            id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            aggregate_id: row.try_get("key")?,
            delivery: waiting_rows::delivery(row)?,
        },
        attempts: waiting_rows::attempts(row)?,
        first_failed_at: row.try_get("first_failed_at")?,
        redrive: false,
        early: row.try_get("early")?,
    })
}

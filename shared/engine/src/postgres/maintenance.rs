//! Partitions: made days ahead, dropped whole.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::Pool;
use crate::event_id::Window;

/// Days made ahead: a service that can't make partitions for this long has been crying for as long.
const DAYS_AHEAD: i64 = 3;

/// Makes the inbox partitions for every event time that the window accepts, and the outbox partitions ahead.
pub async fn make_partitions(pool: &Pool, window: Window) -> sqlx::Result<()> {
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(pool).await?;
    let last = (now + window.skew).date_naive() + TimeDelta::days(DAYS_AHEAD);
    make(pool, "inbox", (now - window.horizon).date_naive(), last).await?;
    make(pool, "outbox", now.date_naive(), last).await
}

async fn make(pool: &Pool, parent: &str, first: NaiveDate, last: NaiveDate) -> sqlx::Result<()> {
    sqlx::query("SELECT make_partitions($1, $2, $3)").bind(parent).bind(first).bind(last).execute(pool).await.map(drop)
}

/// Makes the lease rows of all key ranges; those that stand already stay as they are.
pub async fn make_leases(pool: &Pool, ranges: i32) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO relay_leases (range) SELECT generate_series(0, $1 - 1) ON CONFLICT DO NOTHING")
        .bind(ranges)
        .execute(pool)
        .await
        .map(drop)
}

/// Drops what lies beyond the window: no event that old is accepted any more. Returns how many partitions went.
pub async fn drop_partitions(pool: &Pool, window: Window, keep_published: TimeDelta) -> sqlx::Result<i32> {
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(pool).await?;
    let inbox = drop_before(pool, "inbox", (now - window.horizon).date_naive()).await?;
    let outbox = drop_before(pool, "outbox", (now - keep_published).date_naive()).await?;
    Ok(inbox + outbox)
}

async fn drop_before(pool: &Pool, parent: &str, before: NaiveDate) -> sqlx::Result<i32> {
    sqlx::query_scalar("SELECT drop_partitions($1, $2)").bind(parent).bind(before).fetch_one(pool).await
}

//! Partitions: made days ahead, dropped whole.

use choreography_core::{event_id::Window, progress::beat};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::Pool;

/// Days made ahead: a service that can't make partitions for this long has been crying for as long.
const DAYS_AHEAD: i64 = 3;

/// So often a drop is tried before it waits for the next hour.
const DROP_TRIES: u32 = 50;
const BETWEEN_DROPS: std::time::Duration = std::time::Duration::from_millis(150);

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

/// Makes the rows of all key ranges of events, and that of the dead letters; those that stand already stay as they are.
pub async fn make_leases(pool: &Pool, ranges: i32) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO outbox_ranges (range) SELECT generate_series(0, $1) ON CONFLICT DO NOTHING")
        .bind(ranges)
        .execute(pool)
        .await
        .map(drop)
}

/// Whether a commit that is confirmed is on disk, as far as this role, this database and this pool's connections go.
pub async fn commits_last(pool: &Pool) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT current_setting('synchronous_commit') <> 'off'").fetch_one(pool).await
}

/// Since when the inbox knows every event that had its effect; `None`: since always. It forgot older ones, perhaps
/// because the horizon was shorter then.
pub async fn inbox_floor(pool: &Pool) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar("SELECT complete_since FROM inbox_floor WHERE isfinite(complete_since)")
        .fetch_optional(pool)
        .await
}

/// Drops what lies beyond the window, day by day: no event that old is accepted any more. Returns how many days went.
pub async fn drop_partitions(pool: &Pool, window: Window, keep_published: TimeDelta) -> sqlx::Result<i32> {
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(pool).await?;
    let inbox = drop_before(pool, "inbox", (now - window.horizon).date_naive()).await?;
    let outbox = drop_before(pool, "outbox", (now - keep_published).date_naive()).await?;
    Ok(inbox + outbox)
}

/// A drop waits for traffic for a tenth of a second at most, because all traffic waits for it meanwhile. There is a
/// moment for it sooner or later.
async fn drop_before(pool: &Pool, parent: &str, before: NaiveDate) -> sqlx::Result<i32> {
    let (mut dropped, mut tries) = (0, 0);
    loop {
        beat();
        let drop = sqlx::query_scalar("SELECT drop_partitions($1, $2)").bind(parent).bind(before);
        match drop.fetch_one(pool).await {
            Ok(0) => return Ok(dropped),
            Ok(days) => (dropped, tries) = (dropped + days, 0_u32),
            Err(error) if is_locked(&error) && tries < DROP_TRIES => {
                tries += 1;
                tokio::time::sleep(BETWEEN_DROPS * (1 + tries % 7)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some("55P03")
}

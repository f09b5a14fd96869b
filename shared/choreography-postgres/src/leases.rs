//! How relays share the key ranges.

use choreography_core::relay::{Lane, Lease, fair_share};
use chrono::TimeDelta;
use sqlx::Row;
use uuid::Uuid;

use super::{Pool, Session};

/// One relay's claim; the caller commits.
pub(super) async fn claim(
    db: &mut Session,
    holder: Uuid,
    lane: Lane,
    ranges: i32,
    lease: TimeDelta,
) -> sqlx::Result<Vec<Lease>> {
    let (first, last) = lane.ranges(ranges);
    let share = match lane {
        Lane::Events => {
            let relays = report_and_count(db, holder, lease).await?;
            let ranges: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox_ranges WHERE range BETWEEN $1 AND $2")
                .bind(first)
                .bind(last)
                .fetch_one(&mut *db)
                .await?;
            fair_share(ranges, relays)
        }
        // There is nothing to share: the first relay to come has it.
        Lane::DeadLetters => 1,
    };
    let leases = take(db, holder, (first, last), lease, share).await?;
    give_back(db, holder, &leases).await?;
    Ok(leases)
}

/// Renews what the holder still has, in the order in which every transaction locks leases.
pub(super) async fn renew(pool: &Pool, holder: Uuid, lease: TimeDelta) -> sqlx::Result<()> {
    sqlx::query(
        "WITH alive AS (UPDATE relays SET seen_until = now() + $2 WHERE holder = $1)
         UPDATE outbox_ranges SET expires_at = now() + $2
         WHERE range IN (SELECT range FROM outbox_ranges WHERE holder = $1 ORDER BY range FOR UPDATE)",
    )
    .bind(holder)
    .bind(lease)
    .execute(pool)
    .await
    .map(drop)
}

/// The relays that live, this one included. Those that do not are forgotten.
async fn report_and_count(db: &mut Session, holder: Uuid, lease: TimeDelta) -> sqlx::Result<i64> {
    sqlx::query(
        "INSERT INTO relays (holder, seen_until) VALUES ($1, now() + $2)
         ON CONFLICT (holder) DO UPDATE SET seen_until = EXCLUDED.seen_until",
    )
    .bind(holder)
    .bind(lease)
    .execute(&mut *db)
    .await?;
    // Another may be forgetting the same ones.
    sqlx::query(
        "DELETE FROM relays WHERE holder IN
             (SELECT holder FROM relays WHERE seen_until <= now() FOR UPDATE SKIP LOCKED)",
    )
    .execute(&mut *db)
    .await?;
    sqlx::query_scalar("SELECT count(*) FROM relays WHERE seen_until > now()").fetch_one(db).await
}

async fn take(
    db: &mut Session,
    holder: Uuid,
    (first, last): (i32, i32),
    lease: TimeDelta,
    share: i64,
) -> sqlx::Result<Vec<Lease>> {
    // SKIP LOCKED is about the claims, not about the order of rows: a range that another relay claims this moment is that relay's.
    // The epoch tells holders and servers apart: a lease that expired and that no other took is the same one still.
    let rows = sqlx::query(
        "UPDATE outbox_ranges
         SET epoch = epoch + CASE WHEN outbox_ranges.holder = $1 AND server = pg_postmaster_start_time() THEN 0 ELSE 1 END,
             holder = $1, server = pg_postmaster_start_time(), expires_at = now() + $2
         WHERE range IN (SELECT range FROM outbox_ranges
                         WHERE range BETWEEN $4 AND $5 AND (outbox_ranges.holder = $1 OR expires_at <= now())
                         ORDER BY (outbox_ranges.holder = $1) DESC NULLS LAST, range
                         LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING range, epoch",
    )
    .bind(holder)
    .bind(lease)
    .bind(share)
    .bind(first)
    .bind(last)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(Lease { range: row.try_get("range")?, epoch: row.try_get("epoch")? })).collect()
}

/// Ranges above the share are free at once for relays that came.
async fn give_back(db: &mut Session, holder: Uuid, kept: &[Lease]) -> sqlx::Result<()> {
    let kept: Vec<i32> = kept.iter().map(|lease| lease.range).collect();
    sqlx::query(
        "UPDATE outbox_ranges SET holder = NULL, expires_at = '-infinity' WHERE holder = $1 AND range <> ALL($2)",
    )
    .bind(holder)
    .bind(kept)
    .execute(db)
    .await
    .map(drop)
}

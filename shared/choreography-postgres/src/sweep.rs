//! Deletes what was settled so long ago that no repeat can come any more.

use choreography_core::progress::beat;
use chrono::TimeDelta;

use super::Pool;

/// Rows that go in one statement, so that none holds its locks for long.
const AT_ONCE: i64 = 1_000;

/// A version before gives a message up by marking its row in the outbox, and knows nothing of the note that it was left behind. There
/// may be many notes, so they are gone through page by page.
const GIVEN_UP: &str = "
    WITH page AS (SELECT range, number FROM outbox_left_behind WHERE number > $1 ORDER BY number LIMIT $2),
    gone AS (
        DELETE FROM outbox_left_behind WHERE number IN (
            SELECT number FROM page
            WHERE NOT EXISTS (SELECT FROM outbox o
                              WHERE o.range = page.range AND o.number = page.number AND o.published_at IS NULL))
        RETURNING number)
    SELECT (SELECT max(number) FROM page), (SELECT count(*) FROM gone)";

/// Deletes what was settled before the horizon: dead messages and what was kept of discarded ones, calls that were
/// settled by hand, and what crashed runs had under way; and notes of outbox rows that need none any more. What waits for
/// an operator's decision stays, however old. Returns how many rows went.
pub async fn sweep(pool: &Pool, horizon: TimeDelta) -> sqlx::Result<u64> {
    let statements = [
        // First the message, while the row that settles it still says so.
        "DELETE FROM dead_messages WHERE number IN (
             SELECT number FROM discarded WHERE kind = 'message' AND discarded_at < now() - $1
             AND EXISTS (SELECT FROM dead_messages d WHERE d.number = discarded.number) LIMIT $2)",
        "DELETE FROM discarded WHERE (kind, number) IN (
             SELECT kind, number FROM discarded d WHERE discarded_at < now() - $1
             AND NOT (kind = 'message' AND EXISTS (SELECT FROM dead_messages m WHERE m.number = d.number)) LIMIT $2)",
        "DELETE FROM messages_under_way WHERE (topic, partition, \"offset\", run) IN (
             SELECT topic, partition, \"offset\", run FROM messages_under_way WHERE begun_at < now() - $1 LIMIT $2)",
        "DELETE FROM discarded_messages WHERE number IN (
             SELECT number FROM discarded_messages WHERE discarded_at < now() - $1 LIMIT $2)",
        "DELETE FROM settled_calls WHERE number IN (
             SELECT number FROM settled_calls WHERE settled_at < now() - $1 LIMIT $2)",
    ];
    let mut swept = 0;
    for statement in statements {
        loop {
            beat();
            let gone = sqlx::query(statement).bind(horizon).bind(AT_ONCE).execute(pool).await?.rows_affected();
            swept += gone;
            if gone < AT_ONCE.unsigned_abs() {
                break;
            }
        }
    }
    Ok(swept + sweep_given_up(pool).await?)
}

async fn sweep_given_up(pool: &Pool) -> sqlx::Result<u64> {
    let (mut after, mut swept) = (Some(0_i64), 0);
    while let Some(last) = after {
        beat();
        let gone: i64;
        (after, gone) = sqlx::query_as(GIVEN_UP).bind(last).bind(AT_ONCE).fetch_one(pool).await?;
        swept += gone.unsigned_abs();
    }
    Ok(swept)
}

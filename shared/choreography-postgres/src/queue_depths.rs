//! How much waits where.

use sqlx::Row;

use super::Pool;

/// What waits in a service's database, and for how long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Depths {
    /// Rows that are not published yet, those that were left behind among them.
    pub outbox: i64,
    /// Seconds since the oldest unpublished message was written.
    pub outbox_age: f64,
    /// Events that are tried again when due.
    pub retrying: i64,
    /// Seconds since the first failure of the event that has been tried for longest.
    pub retrying_age: f64,
    /// Events that wait behind another of their key.
    pub queued: i64,
    /// Events that wait for a decision.
    pub parked: i64,
    /// Keys with a parked event.
    pub parked_keys: i64,
    /// That no operator has settled yet.
    pub dead_messages: i64,
    /// Deadlines that are due.
    pub deadlines_due: i64,
    /// Deadlines that were refused and are tried again.
    pub deadlines_refused: i64,
    /// An estimate, as of the last ANALYZE.
    pub inbox: i64,
    /// Per step: open calls, and the seconds since the oldest was written down.
    pub calls: Vec<(String, i64, f64)>,
}

/// Of the outbox only what waits is read, range by range from behind what is published, however much is published: a join, which
/// PostgreSQL may turn round, read a whole day. Nor is a dead message joined with what was discarded, but looked up there.
const WAITING: &str = "
    SELECT o.messages, o.age, h.retrying, h.retrying_age, h.queued, h.parked, h.parked_keys, d.messages AS dead_messages,
           t.due, t.refused, i.events
    FROM (SELECT coalesce(sum(waiting.messages), 0)::bigint AS messages,
                 coalesce(extract(epoch FROM clock_timestamp() - min(waiting.oldest)), 0)::float8 AS age
          FROM (SELECT new.* FROM outbox_ranges r CROSS JOIN LATERAL (
                    SELECT count(*) AS messages, min(created_at) AS oldest FROM outbox
                    WHERE range = r.range AND number > r.published_through AND published_at IS NULL
                      AND number NOT IN (SELECT unnest(b.numbers) FROM outbox_ranges p JOIN outbox_blocks b
                                             ON b.range = p.range AND b.last > p.published_through)
                      AND NOT EXISTS (SELECT FROM outbox_left_behind l WHERE l.number = outbox.number)) AS new
                UNION ALL
                SELECT behind.* FROM outbox_left_behind l CROSS JOIN LATERAL (
                    SELECT count(*) AS messages, min(created_at) AS oldest FROM outbox
                    WHERE range = l.range AND number = l.number AND published_at IS NULL) AS behind) AS waiting) o,
         (SELECT count(*) FILTER (WHERE status = 'retrying') AS retrying,
                 coalesce(extract(epoch FROM clock_timestamp() -
                          min(first_failed_at) FILTER (WHERE status = 'retrying')), 0)::float8 AS retrying_age,
                 count(*) FILTER (WHERE status = 'queued') AS queued,
                 count(*) FILTER (WHERE status = 'parked') AS parked,
                 count(DISTINCT key) FILTER (WHERE status = 'parked') AS parked_keys FROM held_events) h,
         (SELECT count(*) AS messages FROM dead_messages m
          WHERE (SELECT number FROM discarded WHERE kind = 'message' AND number = m.number) IS NULL) d,
         (SELECT count(*) AS due, count(*) FILTER (WHERE attempts > 0) AS refused
          FROM deadlines WHERE due_at <= now()) t,
         (SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint AS events
          FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid WHERE p.inhparent = 'inbox'::regclass) i";

/// Reads them all, in two statements, at the cost of what waits.
pub async fn depths(pool: &Pool) -> sqlx::Result<Depths> {
    let row = sqlx::query(WAITING).fetch_one(pool).await?;
    let calls = sqlx::query(
        "SELECT step, count(*) AS open, extract(epoch FROM now() - min(intended_at))::float8 AS age
         FROM intents GROUP BY step",
    )
    .fetch_all(pool)
    .await?;
    Ok(Depths {
        outbox: row.try_get("messages")?,
        outbox_age: row.try_get("age")?,
        retrying: row.try_get("retrying")?,
        retrying_age: row.try_get("retrying_age")?,
        queued: row.try_get("queued")?,
        parked: row.try_get("parked")?,
        parked_keys: row.try_get("parked_keys")?,
        dead_messages: row.try_get("dead_messages")?,
        deadlines_due: row.try_get("due")?,
        deadlines_refused: row.try_get("refused")?,
        inbox: row.try_get("events")?,
        calls: calls
            .iter()
            .map(|row| Ok((row.try_get("step")?, row.try_get("open")?, row.try_get("age")?)))
            .collect::<sqlx::Result<_>>()?,
    })
}

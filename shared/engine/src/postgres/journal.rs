//! What a crashed process leaves to find the message that ended it: that it ran, and what it had begun.

use std::collections::HashMap;

use chrono::TimeDelta;
use sqlx::Row;

use super::Pool;
use crate::delivery::Position;

/// Writes down that this instance runs. True: its last run did not say that it ended.
pub async fn start_run(pool: &Pool, instance: &str, forget_after: TimeDelta) -> sqlx::Result<bool> {
    sqlx::query("DELETE FROM runs WHERE started_at < now() - $2 AND instance <> $1")
        .bind(instance)
        .bind(forget_after)
        .execute(pool)
        .await?;
    sqlx::query("DELETE FROM begun_messages WHERE begun_at < now() - $1").bind(forget_after).execute(pool).await?;
    let crashed: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM runs WHERE instance = $1)")
        .bind(instance)
        .fetch_one(pool)
        .await?;
    sqlx::query(
        "INSERT INTO runs (instance, started_at) VALUES ($1, now())
         ON CONFLICT (instance) DO UPDATE SET started_at = EXCLUDED.started_at",
    )
    .bind(instance)
    .execute(pool)
    .await?;
    Ok(crashed)
}

/// Writes down that this instance ended as it should.
pub async fn end_run(pool: &Pool, instance: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM runs WHERE instance = $1").bind(instance).execute(pool).await.map(drop)
}

pub(super) async fn begun(pool: &Pool, messages: &[Position]) -> sqlx::Result<Vec<u32>> {
    let (topics, partitions, offsets) = columns(messages);
    let rows = sqlx::query(
        r#"SELECT topic, partition, "offset", times FROM begun_messages
           WHERE (topic, partition, "offset") IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]))"#,
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .fetch_all(pool)
    .await?;
    let times: HashMap<(String, i32, i64), i32> = rows
        .iter()
        .map(|row| {
            let at = (row.try_get("topic")?, row.try_get("partition")?, row.try_get("offset")?);
            Ok((at, row.try_get("times")?))
        })
        .collect::<sqlx::Result<_>>()?;
    let of = |at: &Position| times.get(&(at.topic.to_string(), at.partition, at.offset)).copied().unwrap_or(0);
    Ok(messages.iter().map(|message| of(message).unsigned_abs()).collect())
}

pub(super) async fn write_begun(pool: &Pool, messages: &[Position], times: &[u32]) -> sqlx::Result<()> {
    let (topics, partitions, offsets) = columns(messages);
    let times: Vec<i32> = times.iter().map(|times| i32::try_from(*times).unwrap_or(i32::MAX)).collect();
    sqlx::query(
        r#"INSERT INTO begun_messages (topic, partition, "offset", times, begun_at)
           SELECT *, now() FROM unnest($1::text[], $2::int[], $3::bigint[], $4::int[])
           ON CONFLICT (topic, partition, "offset")
           DO UPDATE SET times = EXCLUDED.times, begun_at = now()"#,
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .bind(times)
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn forget_begun(pool: &Pool, messages: &[Position]) -> sqlx::Result<()> {
    let (topics, partitions, offsets) = columns(messages);
    sqlx::query(
        r#"DELETE FROM begun_messages
           WHERE (topic, partition, "offset") IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]))"#,
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .execute(pool)
    .await
    .map(drop)
}

fn columns(messages: &[Position]) -> (Vec<&str>, Vec<i32>, Vec<i64>) {
    let topics = messages.iter().map(|message| &*message.topic).collect();
    let partitions = messages.iter().map(|message| message.partition).collect();
    let offsets = messages.iter().map(|message| message.offset).collect();
    (topics, partitions, offsets)
}

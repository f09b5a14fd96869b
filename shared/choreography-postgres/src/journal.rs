//! What a crashed process leaves to find the message that ended it: that it ran, and what it had begun.

use std::collections::HashMap;

use choreography_core::{
    delivery::{Delivery, Position},
    store::{Crashes, Stage},
};
use chrono::TimeDelta;
use sqlx::Row;
use uuid::Uuid;

use super::Pool;

pub(super) async fn start_run(pool: &Pool, instance: &str, run: Uuid, forget_after: TimeDelta) -> sqlx::Result<bool> {
    sqlx::query("DELETE FROM runs WHERE started_at < now() - $2 AND instance <> $1")
        .bind(instance)
        .bind(forget_after)
        .execute(pool)
        .await?;
    let mut tx = pool.begin().await?;
    let last: Option<Option<Uuid>> = sqlx::query_scalar("SELECT run FROM runs WHERE instance = $1 FOR UPDATE")
        .bind(instance)
        .fetch_optional(&mut tx)
        .await?;
    sqlx::query("UPDATE messages_under_way SET crashed = true WHERE run = $1")
        .bind(last.flatten())
        .execute(&mut tx)
        .await?;
    sqlx::query(
        "INSERT INTO runs (instance, started_at, run) VALUES ($1, now(), $2)
         ON CONFLICT (instance) DO UPDATE SET started_at = EXCLUDED.started_at, run = EXCLUDED.run",
    )
    .bind(instance)
    .bind(run)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(last.is_some())
}

/// Writes down that this instance ended as it should.
pub async fn end_run(pool: &Pool, instance: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM runs WHERE instance = $1").bind(instance).execute(pool).await.map(drop)
}

pub(super) async fn crashes(pool: &Pool, messages: &[Position]) -> sqlx::Result<Vec<Crashes>> {
    let (topics, partitions, offsets) = columns(messages);
    let rows = sqlx::query(
        r#"SELECT topic, partition, "offset", count(*)::int AS times, max(stage) AS stage FROM messages_under_way
           WHERE crashed
             AND (topic, partition, "offset") IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]))
           GROUP BY topic, partition, "offset""#,
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .fetch_all(pool)
    .await?;
    let found: HashMap<(String, i32, i64), Crashes> = rows
        .iter()
        .map(|row| {
            let at = (row.try_get("topic")?, row.try_get("partition")?, row.try_get("offset")?);
            let times: i32 = row.try_get("times")?;
            Ok((at, Crashes { times: times.unsigned_abs(), stage: stage(row.try_get("stage")?) }))
        })
        .collect::<sqlx::Result<_>>()?;
    let of = |at: &Position| found.get(&(at.topic.to_string(), at.partition, at.offset)).copied().unwrap_or_default();
    Ok(messages.iter().map(of).collect())
}

fn stage(number: i16) -> Stage {
    match number {
        0 => Stage::Begun,
        1 => Stage::Decoded,
        _ => Stage::SettingAside,
    }
}

pub(super) async fn begin_messages(pool: &Pool, run: Uuid, messages: &[Position], stage: Stage) -> sqlx::Result<()> {
    let (topics, partitions, offsets) = columns(messages);
    sqlx::query(
        r#"INSERT INTO messages_under_way (topic, partition, "offset", run, stage, begun_at)
           SELECT DISTINCT topic, partition, "offset", $4::uuid, $5::smallint, now()
           FROM unnest($1::text[], $2::int[], $3::bigint[]) AS new (topic, partition, "offset")
           ON CONFLICT (topic, partition, "offset", run) DO UPDATE SET stage = EXCLUDED.stage"#,
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .bind(run)
    .bind(stage as i16)
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn end_messages(pool: &Pool, messages: &[Position]) -> sqlx::Result<()> {
    let (topics, partitions, offsets) = columns(messages);
    sqlx::query(
        r#"DELETE FROM messages_under_way
           WHERE (topic, partition, "offset") IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]))"#,
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn is_kept(pool: &Pool, message: &Delivery) -> sqlx::Result<bool> {
    let at = &message.position;
    sqlx::query_scalar(
        r#"SELECT EXISTS (
               SELECT FROM dead_messages
               WHERE topic = $1 AND partition = $2 AND "offset" = $3
                 AND ((message_key IS NOT DISTINCT FROM $4 AND payload IS NOT DISTINCT FROM $5)
                      OR (error_class = 'crash' AND message_key IS NULL AND payload IS NULL)))
           OR EXISTS (
               SELECT FROM held_events
               WHERE topic = $1 AND partition = $2 AND "offset" = $3 AND payload IS NOT DISTINCT FROM $5)"#,
    )
    .bind(&*at.topic)
    .bind(at.partition)
    .bind(at.offset)
    .bind(message.key.as_deref())
    .bind(message.payload.as_deref())
    .fetch_one(pool)
    .await
}

fn columns(messages: &[Position]) -> (Vec<&str>, Vec<i32>, Vec<i64>) {
    let topics = messages.iter().map(|message| &*message.topic).collect();
    let partitions = messages.iter().map(|message| message.partition).collect();
    let offsets = messages.iter().map(|message| message.offset).collect();
    (topics, partitions, offsets)
}

//! Rows that wait: deadlines, intents, held events, dead messages.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Session, headers};
use choreography_core::{
    dead_letter::shortened,
    delivery::{Delivery, Position},
    store::{
        AmendedIntent, DeadMessage, Deadline, HeldFailure, HeldStatus, HoldEvent, Intent, RefusedIntent, TakenIntent,
    },
    trace::TraceContext,
};

pub(super) fn status(text: &str) -> sqlx::Result<HeldStatus> {
    match text {
        "retrying" => Ok(HeldStatus::Retrying),
        "queued" => Ok(HeldStatus::Queued),
        "parked" => Ok(HeldStatus::Parked),
        other => Err(sqlx::Error::Decode(format!("held_events.status {other:?} is none that is known").into())),
    }
}

fn status_text(status: HeldStatus) -> &'static str {
    match status {
        HeldStatus::Retrying => "retrying",
        HeldStatus::Queued => "queued",
        HeldStatus::Parked => "parked",
    }
}

pub(super) fn attempts(row: &PgRow) -> sqlx::Result<u32> {
    Ok(u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or_default())
}

pub(super) fn trace(row: &PgRow) -> sqlx::Result<TraceContext> {
    Ok(TraceContext { traceparent: row.try_get("traceparent")?, tracestate: row.try_get("tracestate")? })
}

pub(super) fn delivery(row: &PgRow) -> sqlx::Result<Delivery> {
    Ok(Delivery {
        position: position(row)?,
        key: row.try_get("message_key")?,
        payload: row.try_get::<Option<Vec<u8>>, _>("payload")?.map(Bytes::from),
        headers: headers::decode(row.try_get("headers")?)?,
    })
}

fn position(row: &PgRow) -> sqlx::Result<Position> {
    Ok(Position {
        topic: Arc::from(row.try_get::<&str, _>("topic")?),
        partition: row.try_get("partition")?,
        offset: row.try_get("offset")?,
    })
}

fn column<'a, T, U>(items: &'a [T], field: impl Fn(&'a T) -> U) -> Vec<U> {
    items.iter().map(field).collect()
}

pub(super) async fn set_deadlines(db: &mut Session, deadlines: &[Deadline]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id, traceparent, tracestate, attempts,
                                last_error, not_before)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                              $8::int[], $9::text[], $10::timestamptz[])
         ON CONFLICT (aggregate_id, name) DO UPDATE
         SET id = excluded.id, due_at = excluded.due_at, attempts = excluded.attempts,
             last_error = excluded.last_error, not_before = excluded.not_before",
    )
    .bind(column(deadlines, |row| row.id))
    .bind(column(deadlines, |row| row.aggregate_id.as_str()))
    .bind(column(deadlines, |row| row.name.as_str()))
    .bind(column(deadlines, |row| row.due_at))
    .bind(column(deadlines, |row| row.correlation_id.as_str()))
    .bind(column(deadlines, |row| row.trace.traceparent.as_deref()))
    .bind(column(deadlines, |row| row.trace.tracestate.as_deref()))
    .bind(column(deadlines, |row| i32::try_from(row.attempts).unwrap_or(i32::MAX)))
    .bind(column(deadlines, |row| row.last_error.as_deref()))
    .bind(column(deadlines, |row| row.not_before))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn take_deadlines(db: &mut Session, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, u32>> {
    let taken = sqlx::query("DELETE FROM deadlines WHERE id = ANY($1) RETURNING id, attempts").bind(ids).fetch_all(db);
    taken.await?.iter().map(|row| Ok((row.try_get("id")?, attempts(row)?))).collect()
}

pub(super) async fn postpone_deadlines(db: &mut Session, postponed: &[Deadline]) -> sqlx::Result<HashSet<Uuid>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "WITH later AS (
             SELECT id, later.last_error, later.not_before FROM deadlines
             JOIN unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS later (id, last_error, not_before) USING (id)
             ORDER BY id FOR UPDATE OF deadlines)
         UPDATE deadlines SET attempts = attempts + 1, last_error = later.last_error, not_before = later.not_before
         FROM later WHERE deadlines.id = later.id RETURNING deadlines.id",
    )
    .bind(column(postponed, |row| row.id))
    .bind(column(postponed, |row| row.last_error.as_deref()))
    .bind(column(postponed, |row| row.not_before))
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().collect())
}

pub(super) async fn insert_intents(
    db: &mut Session,
    intents: &[Intent],
    not_before: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO intents (id, aggregate_id, step, request, correlation_id, causation_id, traceparent, tracestate,
                              attempts, intended_at, not_before)
         SELECT *, $11 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[],
                                   $8::text[], $9::int[], $10::timestamptz[])",
    )
    .bind(column(intents, |row| row.id))
    .bind(column(intents, |row| row.aggregate_id.as_str()))
    .bind(column(intents, |row| row.step.as_str()))
    .bind(column(intents, |row| row.request.as_str()))
    .bind(column(intents, |row| row.correlation_id.as_str()))
    .bind(column(intents, |row| row.causation_id))
    .bind(column(intents, |row| row.trace.traceparent.as_deref()))
    .bind(column(intents, |row| row.trace.tracestate.as_deref()))
    .bind(column(intents, |row| i32::try_from(row.attempts).unwrap_or(i32::MAX)))
    .bind(column(intents, |row| row.intended_at))
    .bind(not_before)
    .execute(db)
    .await?;
    Ok(())
}

/// As they stand once they are locked, not as they stood when the statement began.
pub(super) async fn take_intents(db: &mut Session, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, TakenIntent>> {
    let taken = sqlx::query("DELETE FROM intents WHERE id = ANY($1) RETURNING id, request, attempts");
    let rows = taken.bind(ids).fetch_all(db).await?;
    let read = |row: &PgRow| {
        let intent = TakenIntent { request: row.try_get("request")?, attempts: attempts(row)? };
        Ok((row.try_get("id")?, intent))
    };
    rows.iter().map(read).collect()
}

/// An answered call whose answer was refused is asked about again, later.
pub(super) async fn reopen_intents(db: &mut Session, refused: &[RefusedIntent]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO intents (id, aggregate_id, step, request, correlation_id, causation_id, traceparent, tracestate,
                              attempts, intended_at, not_before, last_error)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[],
                              $8::text[], $9::int[], $10::timestamptz[], $11::timestamptz[], $12::text[])",
    )
    .bind(column(refused, |row| row.intent.id))
    .bind(column(refused, |row| row.intent.aggregate_id.as_str()))
    .bind(column(refused, |row| row.intent.step.as_str()))
    .bind(column(refused, |row| row.intent.request.as_str()))
    .bind(column(refused, |row| row.intent.correlation_id.as_str()))
    .bind(column(refused, |row| row.intent.causation_id))
    .bind(column(refused, |row| row.intent.trace.traceparent.as_deref()))
    .bind(column(refused, |row| row.intent.trace.tracestate.as_deref()))
    .bind(column(refused, |row| i32::try_from(row.intent.attempts).unwrap_or(i32::MAX)))
    .bind(column(refused, |row| row.intent.intended_at))
    .bind(column(refused, |row| row.not_before))
    .bind(column(refused, |row| row.error.as_str()))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn postpone_intents(db: &mut Session, refused: &[RefusedIntent]) -> sqlx::Result<HashSet<Uuid>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "WITH later AS (
             SELECT id, later.last_error, later.not_before FROM intents
             JOIN unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS later (id, last_error, not_before) USING (id)
             ORDER BY id FOR UPDATE OF intents)
         UPDATE intents SET last_error = later.last_error, not_before = later.not_before
         FROM later WHERE intents.id = later.id RETURNING intents.id",
    )
    .bind(column(refused, |row| row.intent.id))
    .bind(column(refused, |row| row.error.as_str()))
    .bind(column(refused, |row| row.not_before))
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().collect())
}

/// Rows are locked in the order of their ids, as whoever postpones several does.
pub(super) async fn amend_intents(db: &mut Session, amended: &[AmendedIntent]) -> sqlx::Result<()> {
    sqlx::query(
        "WITH amended AS (
             SELECT id, new.request FROM intents
             JOIN unnest($1::text[], $2::text[], $3::text[]) AS new (aggregate_id, step, request) USING (aggregate_id, step)
             ORDER BY id FOR UPDATE OF intents)
         UPDATE intents SET request = amended.request, not_before = least(not_before, now())
         FROM amended WHERE intents.id = amended.id",
    )
    .bind(column(amended, |call| call.aggregate_id.as_str()))
    .bind(column(amended, |call| call.step.as_str()))
    .bind(column(amended, |call| call.request.as_str()))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn hold(db: &mut Session, events: &[HoldEvent]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", message_key, payload,
                                  headers, attempts, error_class, error_message, first_failed_at, last_failed_at,
                                  due_at, held_at, overtakes, early)
         SELECT key, event_id, event_type, status, topic, partition, \"offset\", message_key, payload, headers,
                CASE WHEN failed THEN 1 ELSE 0 END, error_class, error_message,
                CASE WHEN failed THEN now END, CASE WHEN failed THEN now END, due_at, now, overtakes, early
         FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::bytea[],
                     $9::bytea[], $10::text[], $11::bool[], $12::text[], $13::text[], $14::timestamptz[],
                     $15::timestamptz[], $16::bool[], $17::bool[])
              WITH ORDINALITY AS new (key, event_id, event_type, status, topic, partition, \"offset\", message_key,
                                      payload, headers, failed, error_class, error_message, now, due_at, overtakes,
                                      early, place)
         ORDER BY place
         ON CONFLICT (event_id) DO UPDATE SET early = held_events.early AND excluded.early",
    )
    .bind(column(events, |row| row.key.as_str()))
    .bind(column(events, |row| row.event_id))
    .bind(column(events, |row| row.event_type.as_str()))
    .bind(column(events, |row| status_text(row.status)))
    .bind(column(events, |row| &*row.delivery.position.topic))
    .bind(column(events, |row| row.delivery.position.partition))
    .bind(column(events, |row| row.delivery.position.offset))
    .bind(column(events, |row| row.delivery.key.as_deref()))
    .bind(column(events, |row| row.delivery.payload.as_deref()))
    .bind(column(events, |row| headers::encode(&row.delivery.headers)))
    .bind(column(events, |row| row.failure.is_some()))
    .bind(column(events, |row| row.failure.as_ref().map(|failure| failure.class)))
    .bind(column(events, |row| row.failure.as_ref().map(|failure| shortened(&failure.message))))
    .bind(column(events, |row| row.now))
    .bind(column(events, |row| row.now + row.retry_in))
    .bind(column(events, |row| row.overtakes))
    .bind(column(events, |row| row.early))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn hold_again(db: &mut Session, failures: &[HeldFailure]) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE held_events SET status = failed.status, attempts = failed.attempts, error_class = failed.class,
                error_message = failed.message, due_at = failed.due_at, last_failed_at = failed.now, early = failed.early,
                first_failed_at = coalesce(first_failed_at, failed.now)
         FROM unnest($1::bigint[], $2::text[], $3::int[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                     $8::bool[])
              AS failed (number, status, attempts, class, message, due_at, now, early)
         WHERE held_events.number = failed.number",
    )
    .bind(column(failures, |row| row.number))
    .bind(column(failures, |row| status_text(row.status)))
    .bind(column(failures, |row| i32::try_from(row.attempts).unwrap_or(i32::MAX)))
    .bind(column(failures, |row| row.failure.class))
    .bind(column(failures, |row| shortened(&row.failure.message)))
    .bind(column(failures, |row| row.now + row.retry_in))
    .bind(column(failures, |row| row.now))
    .bind(column(failures, |row| row.early))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn bury(db: &mut Session, dead: &[DeadMessage]) -> sqlx::Result<HashSet<Position>> {
    let rows = sqlx::query(
        "INSERT INTO dead_messages (topic, partition, \"offset\", digest, message_key, payload, headers, error_class,
                                    error_message, dead_at)
         SELECT topic, partition, \"offset\",
                md5(coalesce(message_key, '') || '\\x00'::bytea || coalesce(payload, '')),
                message_key, payload, headers, error_class, error_message, dead_at
         FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $7::text[], $8::text[],
                     $9::timestamptz[])
              AS new (topic, partition, \"offset\", message_key, payload, headers, error_class, error_message, dead_at)
         ON CONFLICT DO NOTHING
         RETURNING topic, partition, \"offset\"",
    )
    .bind(column(dead, |row| &*row.delivery.position.topic))
    .bind(column(dead, |row| row.delivery.position.partition))
    .bind(column(dead, |row| row.delivery.position.offset))
    .bind(column(dead, |row| row.delivery.key.as_deref()))
    .bind(column(dead, |row| row.delivery.payload.as_deref()))
    .bind(column(dead, |row| headers::encode(&row.delivery.headers)))
    .bind(column(dead, |row| row.failure.class))
    .bind(column(dead, |row| shortened(&row.failure.message)))
    .bind(column(dead, |row| row.now))
    .fetch_all(db)
    .await?;
    rows.iter().map(position).collect()
}

pub(super) fn deadline(row: &PgRow) -> sqlx::Result<Deadline> {
    Ok(Deadline {
        id: row.try_get("id")?,
        aggregate_id: row.try_get("aggregate_id")?,
        name: row.try_get("name")?,
        due_at: row.try_get("due_at")?,
        correlation_id: row.try_get("correlation_id")?,
        trace: trace(row)?,
        attempts: attempts(row)?,
        last_error: row.try_get("last_error")?,
        not_before: row.try_get("not_before")?,
    })
}

pub(super) fn intent(row: &PgRow) -> sqlx::Result<Intent> {
    Ok(Intent {
        id: row.try_get::<Uuid, _>("id")?,
        aggregate_id: row.try_get("aggregate_id")?,
        step: row.try_get("step")?,
        request: row.try_get("request")?,
        correlation_id: row.try_get("correlation_id")?,
        causation_id: row.try_get("causation_id")?,
        trace: trace(row)?,
        attempts: attempts(row)?,
        intended_at: row.try_get("intended_at")?,
    })
}

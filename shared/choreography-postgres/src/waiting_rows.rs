//! Rows that wait: deadlines, calls, deferred events, dead messages.

use std::sync::Arc;

use bytes::Bytes;
use choreography_core::{
    dead_letter::shortened,
    delivery::{Delivery, Position},
    store::{
        AmendedCall, Calls, DeadMessage, Deadline, Deadlines, DeferEvent, DeferredFailure, DeferredStatus, PendingCall,
        RefusedCall,
    },
    trace::TraceContext,
};
use chrono::{DateTime, Utc};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{headers, parts::Parts, write::Statement};

pub(super) fn status(text: &str) -> sqlx::Result<DeferredStatus> {
    match text {
        "retrying" => Ok(DeferredStatus::Retrying),
        "queued" => Ok(DeferredStatus::Queued),
        "parked" => Ok(DeferredStatus::Parked),
        other => Err(sqlx::Error::Decode(format!("held_events.status {other:?} is not a known status").into())),
    }
}

fn status_text(status: DeferredStatus) -> &'static str {
    match status {
        DeferredStatus::Retrying => "retrying",
        DeferredStatus::Queued => "queued",
        DeferredStatus::Parked => "parked",
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

pub(super) fn write_deadlines(statement: &mut Statement<'_>, deadlines: &Deadlines) {
    let Deadlines { taken, replaced, settled, set, postponed } = deadlines;
    if !taken.is_empty() {
        let ids = statement.parts.bind(taken);
        let after = statement.parts.once_it_writes();
        let delete = format!("DELETE FROM deadlines WHERE id = ANY({ids}::uuid[]) AND {after} RETURNING id");
        statement.parts.ordered_step("deadlines_taken", &delete);
        statement.look_for_missing_ids(taken.clone(), &ids, "deadlines_taken");
    }
    if !replaced.is_empty() {
        let ids = statement.parts.bind(replaced);
        statement.look_for_gone(replaced.clone(), &ids, "deadlines");
    }
    // An optimistic write does it once it has its locks.
    if !settled.is_empty() && statement.check.is_none() {
        let aggregates = statement.parts.bind(column(settled, |(aggregate, _)| aggregate.as_str()));
        let names = statement.parts.bind(column(settled, |(_, name)| name.as_str()));
        let delete = format!(
            "DELETE FROM deadlines USING unnest({aggregates}::text[], {names}::text[]) AS gone (aggregate_id, name)
             WHERE deadlines.aggregate_id = gone.aggregate_id AND deadlines.name = gone.name"
        );
        statement.parts.step("deadlines_settled", &delete);
    }
    if !set.is_empty() {
        set_deadlines(&mut statement.parts, set);
    }
    if !postponed.is_empty() {
        let ids = column(postponed, |row| row.id);
        let given = statement.parts.bind(&ids);
        postpone_deadlines(&mut statement.parts, &given, postponed);
        statement.look_for_missing_ids(ids, &given, "deadlines_postponed");
    }
}

fn set_deadlines(parts: &mut Parts, deadlines: &[Deadline]) {
    let columns = [
        parts.bind(column(deadlines, |row| row.id)) + "::uuid[]",
        parts.bind(column(deadlines, |row| row.aggregate_id.as_str())) + "::text[]",
        parts.bind(column(deadlines, |row| row.name.as_str())) + "::text[]",
        parts.bind(column(deadlines, |row| row.due_at)) + "::timestamptz[]",
        parts.bind(column(deadlines, |row| row.correlation_id.as_str())) + "::text[]",
        parts.bind(column(deadlines, |row| row.trace.traceparent.as_deref())) + "::text[]",
        parts.bind(column(deadlines, |row| row.trace.tracestate.as_deref())) + "::text[]",
        parts.bind(column(deadlines, |row| i32::try_from(row.attempts).unwrap_or(i32::MAX))) + "::int[]",
        parts.bind(column(deadlines, |row| row.last_error.as_deref())) + "::text[]",
        parts.bind(column(deadlines, |row| row.not_before)) + "::timestamptz[]",
    ];
    let (columns, after) = (columns.join(", "), parts.after());
    parts.ordered_step(
        "deadlines_set",
        &format!(
            "INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id, traceparent, tracestate, attempts,
                                    last_error, not_before)
             SELECT * FROM unnest({columns}) WHERE {after}
             ON CONFLICT (aggregate_id, name) DO UPDATE
             SET id = excluded.id, due_at = excluded.due_at, correlation_id = excluded.correlation_id,
                 traceparent = excluded.traceparent, tracestate = excluded.tracestate, attempts = excluded.attempts,
                 last_error = excluded.last_error, not_before = excluded.not_before
             RETURNING id"
        ),
    );
}

/// Rows are locked in the order of their ids, as by every transaction that postpones several.
fn postpone_deadlines(parts: &mut Parts, ids: &str, postponed: &[Deadline]) {
    let errors = parts.bind(column(postponed, |row| row.last_error.as_deref()));
    let times = parts.bind(column(postponed, |row| row.not_before));
    let after = parts.after();
    parts.ordered_step(
        "deadlines_postponed",
        &format!(
            "WITH later AS (
                 SELECT id, later.last_error, later.not_before FROM deadlines
                 JOIN unnest({ids}::uuid[], {errors}::text[], {times}::timestamptz[])
                      AS later (id, last_error, not_before) USING (id)
                 WHERE {after} ORDER BY id FOR UPDATE OF deadlines)
             UPDATE deadlines SET attempts = attempts + 1, last_error = later.last_error, not_before = later.not_before
             FROM later WHERE deadlines.id = later.id RETURNING deadlines.id"
        ),
    );
}

pub(super) fn write_calls(statement: &mut Statement<'_>, calls: &Calls) {
    let Calls { taken, new, own_until, amended, postponed } = calls;
    if !taken.is_empty() {
        let ids = statement.parts.bind(taken);
        let after = statement.parts.once_it_writes();
        let delete = format!("DELETE FROM intents WHERE id = ANY({ids}::uuid[]) AND {after} RETURNING id");
        statement.parts.ordered_step("calls_taken", &delete);
        statement.look_for_missing_ids(taken.clone(), &ids, "calls_taken");
    }
    if !amended.is_empty() {
        amend_calls(&mut statement.parts, amended);
    }
    if !postponed.is_empty() {
        let ids = column(postponed, |row| row.call.id);
        let given = statement.parts.bind(&ids);
        postpone_calls(&mut statement.parts, &given, postponed);
        statement.look_for_missing_ids(ids, &given, "calls_postponed");
    }
    // Behind what deletes a call of the same step.
    if !new.is_empty() {
        insert_calls(&mut statement.parts, new, *own_until);
    }
}

fn insert_calls(parts: &mut Parts, calls: &[PendingCall], own_until: DateTime<Utc>) {
    let columns = [
        parts.bind(column(calls, |row| row.id)) + "::uuid[]",
        parts.bind(column(calls, |row| row.aggregate_id.as_str())) + "::text[]",
        parts.bind(column(calls, |row| row.step.as_str())) + "::text[]",
        parts.bind(column(calls, |row| row.request.as_str())) + "::text[]",
        parts.bind(column(calls, |row| row.correlation_id.as_str())) + "::text[]",
        parts.bind(column(calls, |row| row.causation_id)) + "::uuid[]",
        parts.bind(column(calls, |row| row.trace.traceparent.as_deref())) + "::text[]",
        parts.bind(column(calls, |row| row.trace.tracestate.as_deref())) + "::text[]",
        parts.bind(column(calls, |row| i32::try_from(row.attempts).unwrap_or(i32::MAX))) + "::int[]",
        parts.bind(column(calls, |row| row.requested_at)) + "::timestamptz[]",
    ];
    let (columns, own_until, after) = (columns.join(", "), parts.bind(own_until), parts.after());
    parts.step(
        "calls_new",
        &format!(
            "INSERT INTO intents (id, aggregate_id, step, request, correlation_id, causation_id, traceparent, tracestate,
                                  attempts, intended_at, not_before)
             SELECT *, {own_until}::timestamptz FROM unnest({columns}) WHERE {after}"
        ),
    );
}

/// Rows are locked in the order of their ids.
fn amend_calls(parts: &mut Parts, amended: &[AmendedCall]) {
    let aggregates = parts.bind(column(amended, |call| call.aggregate_id.as_str()));
    let steps = parts.bind(column(amended, |call| call.step.as_str()));
    let requests = parts.bind(column(amended, |call| call.request.as_str()));
    let after = parts.after();
    parts.ordered_step(
        "calls_amended",
        &format!(
            "WITH amended AS (
                 SELECT id, new.request FROM intents
                 JOIN unnest({aggregates}::text[], {steps}::text[], {requests}::text[])
                      AS new (aggregate_id, step, request) USING (aggregate_id, step)
                 WHERE {after} ORDER BY id FOR UPDATE OF intents)
             UPDATE intents SET request = amended.request, not_before = least(not_before, now())
             FROM amended WHERE intents.id = amended.id RETURNING intents.id"
        ),
    );
}

/// Rows are locked in the order of their ids.
fn postpone_calls(parts: &mut Parts, ids: &str, postponed: &[RefusedCall]) {
    let errors = parts.bind(column(postponed, |row| row.error.as_str()));
    let times = parts.bind(column(postponed, |row| row.not_before));
    let requests = parts.bind(column(postponed, |row| row.amended.as_deref()));
    let after = parts.after();
    parts.ordered_step(
        "calls_postponed",
        &format!(
            "WITH later AS (
                 SELECT id, later.last_error, later.not_before, later.request FROM intents
                 JOIN unnest({ids}::uuid[], {errors}::text[], {times}::timestamptz[], {requests}::text[])
                      AS later (id, last_error, not_before, request) USING (id)
                 WHERE {after} ORDER BY id FOR UPDATE OF intents)
             UPDATE intents SET last_error = later.last_error, request = coalesce(later.request, intents.request),
                    not_before = CASE WHEN later.request IS NULL THEN later.not_before ELSE now() END
             FROM later WHERE intents.id = later.id RETURNING intents.id"
        ),
    );
}

pub(super) fn defer(parts: &mut Parts, events: &[DeferEvent]) {
    let columns = [
        parts.bind(column(events, |row| row.key.as_str())) + "::text[]",
        parts.bind(column(events, |row| row.event_id)) + "::uuid[]",
        parts.bind(column(events, |row| row.event_type.as_str())) + "::text[]",
        parts.bind(column(events, |row| status_text(row.status))) + "::text[]",
        parts.bind(column(events, |row| &*row.delivery.position.topic)) + "::text[]",
        parts.bind(column(events, |row| row.delivery.position.partition)) + "::int[]",
        parts.bind(column(events, |row| row.delivery.position.offset)) + "::bigint[]",
        parts.bind(column(events, |row| row.delivery.key.as_deref())) + "::bytea[]",
        parts.bind(column(events, |row| row.delivery.payload.as_deref())) + "::bytea[]",
        parts.bind(column(events, |row| headers::encode(&row.delivery.headers))) + "::text[]",
        parts.bind(column(events, |row| row.failure.is_some())) + "::bool[]",
        parts.bind(column(events, |row| row.failure.as_ref().map(|failure| failure.class))) + "::text[]",
        parts.bind(column(events, |row| row.failure.as_ref().map(|failure| shortened(&failure.message)))) + "::text[]",
        parts.bind(column(events, |row| row.now)) + "::timestamptz[]",
        parts.bind(column(events, |row| row.now + row.retry_in)) + "::timestamptz[]",
        parts.bind(column(events, |row| row.overtakes)) + "::bool[]",
        parts.bind(column(events, |row| row.early)) + "::bool[]",
    ];
    let (columns, after) = (columns.join(", "), parts.after());
    parts.ordered_step(
        "deferred_now",
        &format!(
            "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", message_key, payload,
                                      headers, attempts, error_class, error_message, first_failed_at, last_failed_at,
                                      due_at, held_at, overtakes, early)
             SELECT key, event_id, event_type, status, topic, partition, \"offset\", message_key, payload, headers,
                    CASE WHEN failed THEN 1 ELSE 0 END, error_class, error_message,
                    CASE WHEN failed THEN now END, CASE WHEN failed THEN now END, due_at, now, overtakes, early
             FROM unnest({columns})
                  WITH ORDINALITY AS new (key, event_id, event_type, status, topic, partition, \"offset\", message_key,
                                          payload, headers, failed, error_class, error_message, now, due_at, overtakes,
                                          early, place)
             WHERE {after} ORDER BY place
             ON CONFLICT (event_id) DO UPDATE SET early = held_events.early AND excluded.early
             RETURNING number"
        ),
    );
}

pub(super) fn defer_again(parts: &mut Parts, failures: &[DeferredFailure]) {
    let columns = [
        parts.bind(column(failures, |row| row.number)) + "::bigint[]",
        parts.bind(column(failures, |row| status_text(row.status))) + "::text[]",
        parts.bind(column(failures, |row| i32::try_from(row.attempts).unwrap_or(i32::MAX))) + "::int[]",
        parts.bind(column(failures, |row| row.failure.class)) + "::text[]",
        parts.bind(column(failures, |row| shortened(&row.failure.message))) + "::text[]",
        parts.bind(column(failures, |row| row.now + row.retry_in)) + "::timestamptz[]",
        parts.bind(column(failures, |row| row.now)) + "::timestamptz[]",
        parts.bind(column(failures, |row| row.early)) + "::bool[]",
    ];
    let columns = columns.join(", ");
    parts.step(
        "failed_again",
        &format!(
            "UPDATE held_events SET status = failed.status, attempts = failed.attempts, error_class = failed.class,
                    error_message = failed.message, due_at = failed.due_at, last_failed_at = failed.now,
                    early = failed.early, first_failed_at = coalesce(first_failed_at, failed.now)
             FROM unnest({columns}) AS failed (number, status, attempts, class, message, due_at, now, early)
             WHERE held_events.number = failed.number"
        ),
    );
}

/// Topics, partitions, offsets.
pub(super) fn bind_positions<'a>(
    parts: &mut Parts,
    positions: impl Iterator<Item = &'a Position> + Clone,
) -> [String; 3] {
    let topics = parts.bind(positions.clone().map(|at| &*at.topic).collect::<Vec<_>>());
    let partitions = parts.bind(positions.clone().map(|at| at.partition).collect::<Vec<_>>());
    let offsets = parts.bind(positions.map(|at| at.offset).collect::<Vec<_>>());
    [topics, partitions, offsets]
}

pub(super) fn dead_letter(
    parts: &mut Parts,
    step: &str,
    [topics, partitions, offsets]: &[&str; 3],
    dead: &[DeadMessage],
) {
    let keys = parts.bind(column(dead, |row| row.delivery.key.as_deref()));
    let payloads = parts.bind(column(dead, |row| row.delivery.payload.as_deref()));
    let headers = parts.bind(column(dead, |row| headers::encode(&row.delivery.headers)));
    let classes = parts.bind(column(dead, |row| row.failure.class));
    let messages = parts.bind(column(dead, |row| shortened(&row.failure.message)));
    let times = parts.bind(column(dead, |row| row.now));
    let after = parts.after();
    parts.ordered_step(
        step,
        &format!(
            "INSERT INTO dead_messages (topic, partition, \"offset\", digest, message_key, payload, headers, error_class,
                                        error_message, dead_at)
             SELECT topic, partition, \"offset\",
                    md5(coalesce(message_key, '') || '\\x00'::bytea || coalesce(payload, '')),
                    message_key, payload, headers, error_class, error_message, dead_at
             FROM unnest({topics}::text[], {partitions}::int[], {offsets}::bigint[], {keys}::bytea[], {payloads}::bytea[],
                         {headers}::text[], {classes}::text[], {messages}::text[], {times}::timestamptz[])
                  AS new (topic, partition, \"offset\", message_key, payload, headers, error_class, error_message, dead_at)
             WHERE {after}
             ON CONFLICT DO NOTHING
             RETURNING topic, partition, \"offset\""
        ),
    );
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

pub(super) fn pending_call(row: &PgRow) -> sqlx::Result<PendingCall> {
    Ok(PendingCall {
        id: row.try_get::<Uuid, _>("id")?,
        aggregate_id: row.try_get("aggregate_id")?,
        step: row.try_get("step")?,
        request: row.try_get("request")?,
        correlation_id: row.try_get("correlation_id")?,
        causation_id: row.try_get("causation_id")?,
        trace: trace(row)?,
        attempts: attempts(row)?,
        requested_at: row.try_get("intended_at")?,
    })
}

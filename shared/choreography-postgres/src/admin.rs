//! What the admin API lists, redrives and discards.

use choreography_core::{delivery::Delivery, event_id::time_of, participant::Participant};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Postgres, Session, waiting_rows};

/// A deferred event, as the admin API lists it.
#[derive(Debug, Serialize, FromRow)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeferredView {
    /// Its number in its table.
    pub number: i64,
    /// The key.
    pub key: String,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// How it is deferred.
    pub status: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// Failed attempts so far.
    pub attempts: i32,
    /// What went wrong, in one word.
    pub error_class: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// When it failed first.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// When it failed last.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// The beginning of the original bytes, as far as they are text.
    pub payload: Option<String>,
    /// Of all of it, in bytes.
    pub payload_length: Option<i64>,
}

/// A dead message, as the admin API lists it.
#[derive(Debug, Serialize, FromRow)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadMessageView {
    /// Its number in its table.
    pub number: i64,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// What went wrong, in one word.
    pub error_class: String,
    /// What went wrong.
    pub error_message: String,
    /// When it was set aside.
    pub dead_at: DateTime<Utc>,
    /// The beginning of the original bytes, as far as they are text.
    pub payload: Option<String>,
    /// Of all of it, in bytes.
    pub payload_length: Option<i64>,
}

/// Why nothing was discarded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscardError {
    /// Nothing of this number is parked.
    #[error("nothing parked or dead has the number {0}; only what is parked or dead can be discarded")]
    NotParked(i64),
    /// The database did not answer as it should.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The payload's first 300 bytes and its length. It is cut before it is made text, which takes up to four times as much.
const PREVIEW: &str =
    "regexp_replace(encode(substring(payload FROM 1 FOR 300), 'escape'), '\\\\\\\\', '\\\\', 'g') AS payload,
    octet_length(payload)::bigint AS payload_length";
/// Longest key and type that a listing shows, in characters: they come from outside, as long as a message may be.
const SHOWN: usize = 300;

impl Postgres {
    /// Deferred events, oldest first, after `after`.
    pub async fn deferred_views(&self, after: i64, limit: i64) -> sqlx::Result<Vec<DeferredView>> {
        let query = format!(
            "SELECT number, left(key, {SHOWN}) AS key, event_id, left(event_type, {SHOWN}) AS event_type, status, topic,
                    partition, \"offset\", attempts, error_class, error_message, first_failed_at, last_failed_at, due_at,
                    {PREVIEW}
             FROM held_events WHERE number > $1 ORDER BY number LIMIT $2"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(after).bind(limit).fetch_all(&self.pool).await
    }

    /// Dead messages, oldest first, after `after`.
    pub async fn dead_message_views(&self, after: i64, limit: i64) -> sqlx::Result<Vec<DeadMessageView>> {
        let query = format!(
            "SELECT number, topic, partition, \"offset\", error_class, error_message, dead_at, {PREVIEW}
             FROM dead_messages d WHERE number > $1
             AND NOT EXISTS (SELECT FROM discarded WHERE kind = 'message' AND number = d.number) ORDER BY number LIMIT $2"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(after).bind(limit).fetch_all(&self.pool).await
    }

    /// A dead message that no operator has settled yet, as it arrived.
    pub async fn dead_message(&self, number: i64) -> sqlx::Result<Option<Delivery>> {
        let row = sqlx::query(
            "SELECT * FROM dead_messages d WHERE number = $1
             AND NOT EXISTS (SELECT FROM discarded WHERE kind = 'message' AND number = d.number)",
        )
        .bind(number)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(waiting_rows::delivery).transpose()
    }

    /// Gives a parked event up (or one that waits for its time), for a reason that is kept with its bytes. Those behind
    /// it go on. It is final: the same event has no effect if it comes again.
    pub async fn discard_event(&self, number: i64, reason: &str) -> Result<(), DiscardError> {
        let mut tx = self.pool.begin().await?;
        let early: Option<Uuid> = sqlx::query_scalar("SELECT event_id FROM held_events WHERE number = $1 AND early")
            .bind(number)
            .fetch_optional(&mut tx)
            .await?;
        // The inbox before the deferred events, in the order in which the handler locks.
        if let Some(id) = early {
            remember_early(&mut tx, self.participant.name(), id).await?;
        }
        let moved = sqlx::query(
            "WITH gone AS (DELETE FROM held_events WHERE number = $1 AND (status = 'parked' OR early) RETURNING *)
             INSERT INTO discarded (kind, number, event_id, event_type, topic, partition, \"offset\", message_key,
                                    payload, headers, error_class, error_message, reason)
             SELECT 'event', number, event_id, event_type, topic, partition, \"offset\", message_key, payload, headers,
                    error_class, error_message, $2 FROM gone",
        )
        .bind(number)
        .bind(reason)
        .execute(&mut tx)
        .await?;
        if moved.rows_affected() == 0 {
            return Err(DiscardError::NotParked(number));
        }
        Ok(tx.commit().await?)
    }

    /// Acknowledges a dead message; it is kept among the discarded.
    pub async fn discard_message(&self, number: i64, reason: &str) -> Result<(), DiscardError> {
        let moved = sqlx::query(
            "WITH gone AS (SELECT * FROM dead_messages d WHERE number = $1
                           AND NOT EXISTS (SELECT FROM discarded WHERE kind = 'message' AND number = d.number))
             INSERT INTO discarded (kind, number, topic, partition, \"offset\", message_key, payload, headers,
                                    error_class, error_message, reason)
             SELECT 'message', number, topic, partition, \"offset\", message_key, payload, headers, error_class,
                    error_message, $2 FROM gone",
        )
        .bind(number)
        .bind(reason)
        .execute(&self.pool)
        .await?;
        if moved.rows_affected() == 0 { Err(DiscardError::NotParked(number)) } else { Ok(()) }
    }
}

/// Puts the id of an early event into the inbox. Its day may lie beyond those that are made ahead; one that the inbox has
/// forgotten by now is not remembered, since a repeat of it is too old.
async fn remember_early(tx: &mut Session, consumer: &str, id: Uuid) -> sqlx::Result<()> {
    let Some(at) = time_of(id) else { return Ok(()) };
    sqlx::query("SELECT make_partitions('inbox', $1, $1)").bind(at.date_naive()).execute(&mut *tx).await?;
    sqlx::query(
        "INSERT INTO inbox (consumer, event_id)
         SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM inbox_floor WHERE complete_since > $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(consumer)
    .bind(id)
    .bind(at)
    .execute(tx)
    .await
    .map(drop)
}

//! Keys that stopped because Kafka refuses their next message: what an operator sees of them, and decides.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;

use super::{Pool, Postgres};

/// A stopped key, as the admin API lists it.
#[derive(Debug, Serialize, FromRow)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoppedView {
    /// Of the message in the outbox.
    pub number: i64,
    /// The topic.
    pub topic: String,
    /// The key, as far as it is text; none where only this message waits.
    pub key: Option<String>,
    /// Kafka's word for it.
    pub error: String,
    /// When it was stopped.
    pub stopped_at: DateTime<Utc>,
    /// The payload's bytes.
    pub bytes: i64,
}

impl Postgres {
    /// Stopped keys, in number order, after `after`.
    pub async fn stopped_views(&self, after: i64, limit: i64) -> sqlx::Result<Vec<StoppedView>> {
        sqlx::query_as(
            "SELECT s.number, s.topic, encode(s.key, 'escape') AS key, s.error, s.stopped_at,
                    coalesce(octet_length(o.payload), 0)::bigint AS bytes
             FROM stopped_keys s LEFT JOIN outbox o
                  ON o.range = s.range AND o.number = s.number AND o.published_at IS NULL
             WHERE s.number > $1 ORDER BY s.number LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
    }

    /// Lets a stopped key go on, beginning with the message that was refused; returns whether it was stopped.
    pub async fn release_key(&self, number: i64) -> sqlx::Result<bool> {
        let gone = sqlx::query("DELETE FROM stopped_keys WHERE number = $1").bind(number).execute(&self.pool).await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Lets every stopped key of a topic go on; returns how many there were.
    pub async fn release_topic(&self, topic: &str) -> sqlx::Result<u64> {
        let gone = sqlx::query("DELETE FROM stopped_keys WHERE topic = $1").bind(topic).execute(&self.pool).await?;
        Ok(gone.rows_affected())
    }

    /// Gives the refused message of a stopped key up, for a reason that is kept with its bytes, and lets those behind it go
    /// on; returns whether the key was stopped.
    pub async fn discard_refused(&self, number: i64, reason: &str) -> sqlx::Result<bool> {
        let moved = sqlx::query(
            "WITH gone AS (DELETE FROM stopped_keys WHERE number = $1 RETURNING *),
                  given_up AS (DELETE FROM outbox_left_behind l USING gone WHERE l.number = gone.number),
                  done_with AS (INSERT INTO outbox_blocks (range, epoch, numbers, last)
                                SELECT range, epoch, ARRAY[number], number FROM gone JOIN outbox_ranges USING (range)
                                WHERE number > published_through)
             INSERT INTO discarded_messages (number, topic, key, payload, headers, implied, error, stopped_at, reason)
             SELECT gone.number, gone.topic, gone.key, o.payload, o.headers, o.implied, gone.error, gone.stopped_at, $2
             FROM gone CROSS JOIN LATERAL (
                 SELECT payload, headers, implied FROM outbox
                 WHERE range = gone.range AND number = gone.number AND published_at IS NULL LIMIT 1) AS o",
        )
        .bind(number)
        .bind(reason)
        .execute(&self.pool)
        .await?;
        Ok(moved.rows_affected() > 0)
    }
}

/// How many keys are stopped.
pub async fn stopped_keys(pool: &Pool) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM stopped_keys").fetch_one(pool).await
}

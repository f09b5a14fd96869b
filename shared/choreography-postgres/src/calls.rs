//! External calls that wait for an answer, for the admin API: listed, and settled by hand with a row that says why.

use choreography_core::{
    calls::{Contradiction, LateAnswer},
    participant::Answer,
    store::PendingCall,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Postgres, waiting_rows};

/// An external call without an answer, as the admin API lists it.
#[derive(Debug, Serialize, FromRow)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Its id.
    pub id: Uuid,
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate.
    pub step: String,
    /// The saga that it belongs to.
    pub correlation_id: String,
    /// How often a process took it up.
    pub attempts: i32,
    /// When it was written down.
    pub requested_at: DateTime<Utc>,
    /// By the database's clock.
    pub age_seconds: f64,
    /// When it is taken up next; one that is under way is some time before that.
    pub not_before: DateTime<Utc>,
    /// What went wrong at the last try.
    pub last_error: Option<String>,
    /// Its beginning in a listing, all of it where one call is shown.
    pub request: String,
    /// Of the request, in bytes.
    pub request_length: i32,
}

/// A call that was settled by hand.
#[derive(Debug, Serialize, FromRow)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SettledView {
    /// Its number in its table.
    pub number: i64,
    /// The call's id.
    pub call_id: Uuid,
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate.
    pub step: String,
    /// What was found out about it.
    pub outcome: String,
    /// What the provider calls what was done.
    pub detail: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What went wrong at the last try.
    pub last_error: Option<String>,
    /// When it was settled.
    pub settled_at: DateTime<Utc>,
    /// `null`: the process ended before it could write that down; the call is settled if it is not open any more.
    pub result: Option<String>,
    /// What the provider said afterwards, if that was something else.
    pub contradiction: Option<String>,
}

/// Longest text of a listing that comes from elsewhere, in characters.
const SHOWN: i32 = 300;
const CALL: &str =
    "id, left(aggregate_id, 300) AS aggregate_id, step, left(correlation_id, 300) AS correlation_id, attempts,
    intended_at AS requested_at, extract(epoch FROM now() - intended_at)::float8 AS age_seconds, not_before, last_error,
    octet_length(request) AS request_length";

impl Postgres {
    /// Calls without an answer in the order of their ids, which is that of their time, after `after`.
    pub async fn call_views(&self, after: Uuid, limit: i64) -> sqlx::Result<Vec<CallView>> {
        let query =
            format!("SELECT {CALL}, left(request, {SHOWN}) AS request FROM intents WHERE id > $1 ORDER BY id LIMIT $2");
        sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(after).bind(limit).fetch_all(&self.pool).await
    }

    /// One call with all that it asks for.
    pub async fn call_view(&self, id: Uuid) -> sqlx::Result<Option<CallView>> {
        let query = format!("SELECT {CALL}, request FROM intents WHERE id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(id).fetch_optional(&self.pool).await
    }

    /// An open call, to be answered by hand.
    pub async fn open_call(&self, id: Uuid) -> sqlx::Result<Option<PendingCall>> {
        let row = sqlx::query("SELECT * FROM intents WHERE id = $1").bind(id).fetch_optional(&self.pool).await?;
        row.as_ref().map(waiting_rows::pending_call).transpose()
    }

    /// Calls that were settled by hand, oldest first, after `after`.
    pub async fn settled_views(&self, after: i64, limit: i64) -> sqlx::Result<Vec<SettledView>> {
        sqlx::query_as(
            "SELECT number, call_id, left(aggregate_id, 300) AS aggregate_id, step, outcome, detail, reason, last_error,
                    settled_at, result, contradiction
             FROM settled_calls WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
    }

    /// Writes down that a call is about to be settled by hand. Returns the row's number; `None`: it is not open any more.
    pub async fn write_settlement(&self, call: Uuid, answer: &Answer, reason: &str) -> sqlx::Result<Option<i64>> {
        let (outcome, detail) = match answer {
            Answer::Yes { detail } => ("done", Some(detail.as_str())),
            Answer::No { .. } => ("not-done", None),
        };
        sqlx::query_scalar(
            "INSERT INTO settled_calls (call_id, aggregate_id, step, correlation_id, request, attempts, last_error, outcome,
                                        detail, reason)
             SELECT id, aggregate_id, step, correlation_id, request, attempts, last_error, $2, $3, $4
             FROM intents WHERE id = $1
             RETURNING number",
        )
        .bind(call)
        .bind(outcome)
        .bind(detail)
        .bind(reason)
        .fetch_optional(&self.pool)
        .await
    }

    /// Writes down what became of it.
    pub async fn write_settled(&self, number: i64, result: &str) -> sqlx::Result<()> {
        let result = choreography_core::dead_letter::shortened(result);
        let update = sqlx::query("UPDATE settled_calls SET result = $2 WHERE number = $1");
        update.bind(number).bind(result).execute(&self.pool).await.map(drop)
    }

    pub(super) async fn contradicted(&self, late: &[LateAnswer]) -> sqlx::Result<Vec<Contradiction>> {
        let said = |late: &LateAnswer| match &late.answer {
            Answer::Yes { detail } => format!("done: {}", choreography_core::dead_letter::shortened(detail)),
            Answer::No { reason } => format!("not done: {}", choreography_core::dead_letter::shortened(reason)),
        };
        let detail = |late: &LateAnswer| match &late.answer {
            Answer::Yes { detail } => Some(choreography_core::dead_letter::shortened(detail)),
            Answer::No { .. } => None,
        };
        let rows: Vec<(String, String, String, String)> = sqlx::query_as(
            "UPDATE settled_calls SET contradiction = late.said
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS late (call_id, said, detail)
             WHERE settled_calls.call_id = late.call_id AND coalesce(result, 'applied') = 'applied'
               AND (outcome = 'done') IS DISTINCT FROM (late.detail IS NOT NULL AND settled_calls.detail = late.detail)
             RETURNING aggregate_id, step, outcome, contradiction",
        )
        .bind(late.iter().map(|late| late.call).collect::<Vec<_>>())
        .bind(late.iter().map(said).collect::<Vec<_>>())
        .bind(late.iter().map(detail).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        let contradiction =
            |(aggregate_id, step, settled_as, said)| Contradiction { aggregate_id, step, settled_as, said };
        Ok(rows.into_iter().map(contradiction).collect())
    }
}

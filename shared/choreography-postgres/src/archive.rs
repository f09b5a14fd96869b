//! Rows of finished sagas, and old records, leave the database page by page.
//!
//! A page is a transaction: its rows are locked, handed out, and deleted once the caller has kept them. If the process ends between
//! the two, the same rows are handed out again: what is kept is kept at least once. Rows that others have locked are left for later.

use choreography_core::{
    Table,
    routes::{AgingRecords, Finished},
};
use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use super::{Pool, Session};

/// Rows of a page.
const PAGE: i64 = 200;

/// Why a page was not archived. Its rows are still there.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The database refused, or is away.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// They were not kept elsewhere.
    #[error("what is archived could not be written: {0}")]
    NotKept(#[from] std::io::Error),
}

/// What becomes of the rows of a page, each a JSON object with its table and itself.
pub enum Keep<'a> {
    /// They are counted, and stay.
    Nothing,
    /// They are deleted once this has kept them durably.
    In(&'a mut (dyn FnMut(&[String]) -> std::io::Result<()> + Send)),
}

/// A page that was archived, or counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// So many rows.
    pub rows: usize,
    /// The next page begins behind this one.
    pub last: K,
}

/// The rows of a service's aggregates.
pub struct FinishedRows<'a> {
    /// Their table.
    pub aggregates: &'static Table,
    /// What makes them finished.
    pub finished: &'a Finished,
    /// What was changed, or began, before.
    pub before: DateTime<Utc>,
}

impl FinishedRows<'_> {
    /// The next page of rows whose saga is over, by their keys; `None`: there are no more. A row stays while its aggregate has a deferred
    /// event, a deadline or a call without an answer.
    ///
    /// # Errors
    /// The page was not archived.
    pub async fn page(&self, pool: &Pool, behind: &str, keep: Keep<'_>) -> Result<Option<Page<String>>, ArchiveError> {
        let Table { name, key, .. } = self.aggregates;
        let Finished { state, ends, changed_at } = self.finished;
        let aged = match changed_at {
            Some(column) => format!("kept.{column} < $3"),
            // Ids of version 7 sort by their time, as text as well.
            None => format!(
                "kept.{key} < uuid7_floor($3)::text AND kept.{key} ~ '^[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-'"
            ),
        };
        let select = format!(
            "SELECT kept.{key}, json_build_object('table', '{name}', 'row', row_to_json(kept))::text FROM {name} AS kept
             WHERE kept.{key} > $1 AND kept.{state} = ANY($2) AND {aged}
             AND NOT EXISTS (SELECT FROM held_events WHERE held_events.key = kept.{key})
             AND NOT EXISTS (SELECT FROM deadlines WHERE deadlines.aggregate_id = kept.{key})
             AND NOT EXISTS (SELECT FROM intents WHERE intents.aggregate_id = kept.{key})
             ORDER BY kept.{key} LIMIT {PAGE} FOR UPDATE OF kept SKIP LOCKED"
        );
        let mut session = pool.begin().await?;
        let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(select))
            .bind(behind)
            .bind(ends)
            .bind(self.before)
            .fetch_all(&mut session)
            .await?;
        let (keys, lines): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let Some(last) = keys.last().cloned() else { return Ok(None) };
        let rows = keys.len();
        let deleted = async {
            let Keep::In(keep) = keep else { return Ok(false) };
            keep(&lines)?;
            let delete = format!("DELETE FROM {name} WHERE {key} = ANY($1)");
            sqlx::query(AssertSqlSafe(delete)).bind(keys).execute(&mut session).await?;
            Ok(true)
        };
        let deleted = deleted.await;
        end(session, deleted).await?;
        Ok(Some(Page { rows, last }))
    }
}

/// Records that are old enough.
pub struct OldRecords<'a> {
    /// The table of the aggregates that they belong to.
    pub aggregates: &'static Table,
    /// What they are.
    pub records: &'a AgingRecords,
    /// What was appended before.
    pub before: DateTime<Utc>,
}

impl OldRecords<'_> {
    /// The next page, by their numbers; `None`: there are no more. Records whose aggregate's row is still there stay, and so do those
    /// of no aggregate.
    ///
    /// # Errors
    /// The page was not archived.
    pub async fn page(&self, pool: &Pool, behind: i64, keep: Keep<'_>) -> Result<Option<Page<i64>>, ArchiveError> {
        let Table { name: aggregates, key, .. } = self.aggregates;
        let AgingRecords { table, aggregate, at, before_deletion } = self.records;
        // They are appended in the order of their time, or nearly: the first young one ends the search.
        let select = format!(
            "SELECT kept.number, json_build_object('table', '{table}', 'row', row_to_json(kept))::text FROM {table} AS kept
             WHERE kept.number > $1 AND kept.{at} < $2 AND kept.{aggregate} IS NOT NULL
             AND kept.number < coalesce(
                 (SELECT number FROM {table} WHERE number > $1 AND {at} >= $2 ORDER BY number LIMIT 1), 9223372036854775807)
             AND NOT EXISTS (SELECT FROM {aggregates} AS owner WHERE owner.{key} = kept.{aggregate})
             ORDER BY kept.number LIMIT {PAGE} FOR UPDATE OF kept SKIP LOCKED"
        );
        let mut session = pool.begin().await?;
        let rows: Vec<(i64, String)> =
            sqlx::query_as(AssertSqlSafe(select)).bind(behind).bind(self.before).fetch_all(&mut session).await?;
        let (numbers, lines): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let Some(last) = numbers.last().copied() else { return Ok(None) };
        let rows = numbers.len();
        let deleted = async {
            let Keep::In(keep) = keep else { return Ok(false) };
            keep(&lines)?;
            if let Some(statement) = before_deletion {
                run(&mut session, (*statement).to_owned(), &numbers).await?;
            }
            run(&mut session, format!("DELETE FROM {table} WHERE number = ANY($1)"), &numbers).await?;
            Ok(true)
        };
        let deleted = deleted.await;
        end(session, deleted).await?;
        Ok(Some(Page { rows, last }))
    }
}

/// Unless rows were deleted, their locks are given back before this returns: the next look would pass over what is locked.
async fn end(mut session: Session, deleted: Result<bool, ArchiveError>) -> Result<(), ArchiveError> {
    if matches!(deleted, Ok(true)) {
        return Ok(session.commit().await?);
    }
    session.roll_back().await;
    deleted.map(drop)
}

async fn run(session: &mut Session, statement: String, numbers: &[i64]) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(statement)).bind(numbers).execute(session).await.map(drop)
}

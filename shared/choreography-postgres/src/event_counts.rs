//! The column in which the aggregates' rows count the events that they have published.

use sqlx::{AssertSqlSafe, Executor, PgPool};

use super::{MigrationError, Pool};

/// Its name, in whatever table the aggregates are.
pub(super) const COLUMN: &str = "events_published";

/// The setting of a session that counts. A session without it, as of an older version, loses the count of each row that it changes.
pub const COUNTS: (&str, &str) = ("choreography.counts", "on");

/// Whether another has a column of that name.
const IS_TAKEN: &str = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2
    AND coalesce(col_description(attrelid, attnum), '') NOT LIKE 'the engine''s:%')";

const IS_COUNTED: &str = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2)
    AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = 'forget_events')";

/// Adds the column to the table of the aggregates, and what watches over it, if that is not all there. For rows that are there already
/// it is not known then how many events they have published. Safe from several replicas at once; takes a lock only where something is
/// to be added.
pub async fn count_events(pool: &PgPool, table: &str) -> Result<(), MigrationError> {
    if sqlx::query_scalar(IS_COUNTED).bind(table).bind(COLUMN).fetch_one(pool).await? {
        return Ok(());
    }
    let mut transaction = pool.begin().await?;
    transaction.execute("SELECT pg_advisory_xact_lock(hashtext('count_events'))").await?;
    if sqlx::query_scalar(IS_COUNTED).bind(table).bind(COLUMN).fetch_one(&mut *transaction).await? {
        return Ok(());
    }
    if sqlx::query_scalar(IS_TAKEN).bind(table).bind(COLUMN).fetch_one(&mut *transaction).await? {
        return Err(MigrationError::Taken { table: table.to_owned(), column: COLUMN });
    }
    let add = format!(
        "ALTER TABLE {table} DROP COLUMN IF EXISTS {COLUMN}, ADD COLUMN {COLUMN} bigint;
         COMMENT ON COLUMN {table}.{COLUMN} IS 'the engine''s: how many events the aggregate has published; null: unknown';
         CREATE OR REPLACE TRIGGER forget_events BEFORE UPDATE ON {table} FOR EACH ROW
         WHEN (current_setting('{}', true) IS DISTINCT FROM '{}') EXECUTE FUNCTION forget_events()",
        COUNTS.0, COUNTS.1
    );
    transaction.execute(AssertSqlSafe(add)).await?;
    transaction.commit().await?;
    Ok(())
}

/// Whether the column is there.
pub async fn expect_counted(pool: &Pool, table: &str) -> Result<(), MigrationError> {
    match sqlx::query_scalar(IS_COUNTED).bind(table).bind(COLUMN).fetch_one(pool).await? {
        true => Ok(()),
        false => Err(MigrationError::Uncounted { table: table.to_owned() }),
    }
}

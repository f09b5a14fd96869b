//! Locks for which nobody waits long: rows that are free, and tables that somebody has locked as a whole.

use sqlx::AssertSqlSafe;

use super::{Session, error::store_error, tables};
use choreography_core::{
    participant::Participant,
    routes::{Routed, TableId},
    store::{FreeRows, StoreError},
};

/// How long a hurried transaction waits for a lock: longer than a sound transaction holds one.
const HURRY: &str = "250ms";
/// What the engine's transactions write. Of partitioned tables the parent stands for all days.
const ENGINE_TABLES: &str = "ONLY inbox, ONLY outbox, held_events, deadlines, intents, dead_messages";

/// From here on locks are waited for shortly. Every table is tried first: one that is locked as a whole keeps
/// everybody, so it is no row's fault.
pub(super) async fn hurry(db: &mut Session, routed: &Routed) -> Result<(), StoreError> {
    let set = format!("SET LOCAL lock_timeout = '{HURRY}'");
    sqlx::query(AssertSqlSafe(set)).execute(&mut *db).await.map_err(store_error)?;
    let own = routed.tables().iter().map(|table| table.0.name);
    let tables: Vec<&str> = std::iter::once(ENGINE_TABLES).chain(own).collect();
    let lock = format!("LOCK TABLE {} IN ROW EXCLUSIVE MODE", tables.join(", "));
    match sqlx::query(AssertSqlSafe(lock)).execute(db).await.map_err(store_error) {
        Err(StoreError::Contention(why)) => {
            Err(StoreError::Unavailable(format!("a table is locked as a whole by another session: {why}")))
        }
        other => other.map(drop),
    }
}

/// Locks the rows that nobody else holds, in key order, and creates those that are missing.
pub(super) async fn lock_free_rows(
    db: &mut Session,
    routed: &Routed,
    table: TableId,
    keys: &[String],
) -> sqlx::Result<FreeRows<Routed>> {
    let (name, column) = (table.0.name, table.0.key);
    // SKIP LOCKED says who has to wait; it reorders nothing, since who has to wait steps aside with all of its key.
    let ask = format!("SELECT {column} FROM {name} WHERE {column} = ANY($1) ORDER BY {column} FOR UPDATE SKIP LOCKED");
    let free: Vec<String> = sqlx::query_scalar(AssertSqlSafe(ask)).bind(keys).fetch_all(&mut *db).await?;
    let ask = format!("SELECT {column} FROM {name} WHERE {column} = ANY($1)");
    let there: Vec<String> = sqlx::query_scalar(AssertSqlSafe(ask)).bind(keys).fetch_all(&mut *db).await?;
    let (locked, open): (Vec<String>, Vec<String>) =
        keys.iter().cloned().partition(|key| there.contains(key) && !free.contains(key));
    let missing: Vec<String> = open.iter().filter(|key| !free.contains(key)).cloned().collect();
    if !missing.is_empty() {
        tables::ensure(&mut *db, routed, table, &missing).await?;
    }
    let rows = match open.is_empty() {
        true => Vec::new(),
        false => super::readable::guarded(tables::lock(db, routed, table, &open)).await?,
    };
    Ok(FreeRows { rows, locked })
}

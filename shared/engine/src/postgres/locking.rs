//! Locks for which nobody waits long: rows that are free, and tables that somebody has locked as a whole.

use sqlx::AssertSqlSafe;

use super::{Session, Tables, error::store_error};
use crate::store::{FreeRows, StoreError};

/// How long a hurried transaction waits for a lock: longer than a sound transaction holds one.
const HURRY: &str = "250ms";
/// What the engine's transactions write. Of partitioned tables the parent stands for all days.
const ENGINE_TABLES: &str = "ONLY inbox, ONLY outbox, held_events, deadlines, intents, dead_messages";

/// From here on locks are waited for shortly. Every table is tried first: one that is locked as a whole keeps
/// everybody, so it is no row's fault.
pub(super) async fn hurry<P: Tables>(db: &mut Session, participant: &P) -> Result<(), StoreError> {
    let set = format!("SET LOCAL lock_timeout = '{HURRY}'");
    sqlx::query(AssertSqlSafe(set)).execute(&mut *db).await.map_err(store_error)?;
    let own = participant.tables().iter().map(|table| participant.key_column(*table).table);
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
pub(super) async fn lock_free_rows<P: Tables>(
    db: &mut Session,
    participant: &P,
    table: P::Table,
    keys: &[String],
) -> sqlx::Result<FreeRows<P>> {
    let (name, column) = (participant.key_column(table).table, participant.key_column(table).column);
    // SKIP LOCKED says who has to wait; it reorders nothing, since who has to wait steps aside with all of its key.
    let ask = format!("SELECT {column} FROM {name} WHERE {column} = ANY($1) ORDER BY {column} FOR UPDATE SKIP LOCKED");
    let free: Vec<String> = sqlx::query_scalar(AssertSqlSafe(ask)).bind(keys).fetch_all(&mut *db).await?;
    let ask = format!("SELECT {column} FROM {name} WHERE {column} = ANY($1)");
    let there: Vec<String> = sqlx::query_scalar(AssertSqlSafe(ask)).bind(keys).fetch_all(&mut *db).await?;
    let (locked, open): (Vec<String>, Vec<String>) =
        keys.iter().cloned().partition(|key| there.contains(key) && !free.contains(key));
    let missing: Vec<String> = open.iter().filter(|key| !free.contains(key)).cloned().collect();
    if !missing.is_empty() {
        participant.ensure(&mut *db, table, &missing).await?;
    }
    let rows = match open.is_empty() {
        true => Vec::new(),
        false => super::readable::guarded(participant.lock(db, table, &open)).await?,
    };
    Ok(FreeRows { rows, locked })
}

//! What PostgreSQL has counted, at two moments.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use local::System;
use sqlx::{Connection, PgConnection};

/// PostgreSQL tells the WAL of each connection from this version on.
const WAL_BY_CONNECTION: i32 = 180_000;
/// Bytes of a page, and so of its image at most.
const PAGE: f64 = 8_192.0;
/// Most WAL that is read again to learn how large images of pages are.
const READ_AGAIN: u64 = 256 * 1024 * 1024;

/// What all databases and connections have counted until now.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Where the WAL ends.
    pub wal: u64,
    /// Commits and rollbacks, by database.
    transactions: BTreeMap<String, u64>,
    /// By connection.
    written: HashMap<Connected, Written>,
    wal_syncs: u64,
}

/// Process id and start: a pid alone may come again.
type Connected = (i32, String);

#[derive(Debug, Clone, Default)]
struct Written {
    database: String,
    bytes: u64,
    page_images: u64,
}

/// What was done for one database.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Database {
    pub transactions: u64,
    /// By connections that are still open; 0 where PostgreSQL does not tell.
    pub wal_bytes: u64,
    /// Of that, images of whole pages: the first change of a page after a checkpoint.
    pub image_bytes: f64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Databases {
    pub by_name: BTreeMap<String, Database>,
    pub wal_syncs: u64,
}

async fn connect(system: &System) -> Result<PgConnection> {
    PgConnection::connect(system.postgres.admin_url()).await.context("PostgreSQL does not tell what it has counted")
}

/// Where the WAL ends. Unlike the counters it is known at once.
pub async fn wal_position(system: &System) -> Result<u64> {
    wal(&mut connect(system).await?).await
}

async fn wal(db: &mut PgConnection) -> Result<u64> {
    let position: i64 =
        sqlx::query_scalar("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetch_one(db).await?;
    Ok(position.cast_unsigned())
}

pub async fn read(system: &System) -> Result<Snapshot> {
    let mut db = connect(system).await?;
    let version: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(&mut db).await?;
    let transactions: Vec<(String, i64)> =
        sqlx::query_as("SELECT datname, xact_commit + xact_rollback FROM pg_stat_database WHERE datname IS NOT NULL")
            .fetch_all(&mut db)
            .await?;
    let mut snapshot = Snapshot {
        wal: wal(&mut db).await?,
        transactions: transactions.into_iter().map(|(name, count)| (name, count.cast_unsigned())).collect(),
        ..Snapshot::default()
    };
    let syncs = if version >= WAL_BY_CONNECTION {
        snapshot.written = written(&mut db).await?;
        "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'"
    } else {
        "SELECT wal_sync FROM pg_stat_wal"
    };
    let syncs: i64 = sqlx::query_scalar(syncs).fetch_one(&mut db).await?;
    snapshot.wal_syncs = syncs.cast_unsigned();
    Ok(snapshot)
}

async fn written(db: &mut PgConnection) -> Result<HashMap<Connected, Written>> {
    let rows: Vec<(i32, String, String, i64, i64)> = sqlx::query_as(
        "SELECT pid, backend_start::text, datname, wal.wal_bytes::bigint, wal.wal_fpi
         FROM pg_stat_activity, pg_stat_get_backend_wal(pid) AS wal WHERE datname IS NOT NULL",
    )
    .fetch_all(db)
    .await?;
    let row = |(pid, start, database, bytes, images): (i32, String, String, i64, i64)| {
        let written = Written { database, bytes: bytes.cast_unsigned(), page_images: images.cast_unsigned() };
        ((pid, start), written)
    };
    Ok(rows.into_iter().map(row).collect())
}

/// What one image of a page takes on average, as the WAL itself says from `begin` on; its last part if it is long. A
/// whole page where PostgreSQL can't read its WAL.
pub async fn page_image_size(system: &System, end: &Snapshot, begin: u64) -> f64 {
    read_images(system, begin.max(end.wal.saturating_sub(READ_AGAIN)), end.wal).await.ok().flatten().unwrap_or(PAGE)
}

async fn read_images(system: &System, begin: u64, end: u64) -> Result<Option<f64>> {
    let mut db = connect(system).await?;
    sqlx::query("CREATE EXTENSION IF NOT EXISTS pg_walinspect").execute(&mut db).await?;
    let images: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_get_wal_block_info('0/0'::pg_lsn + $1::numeric, '0/0'::pg_lsn + $2::numeric, false)
         WHERE block_fpi_length > 0",
    )
    .bind(begin.cast_signed())
    .bind(end.cast_signed())
    .fetch_one(&mut db)
    .await?;
    let bytes: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(fpi_size), 0)::bigint
         FROM pg_get_wal_stats('0/0'::pg_lsn + $1::numeric, '0/0'::pg_lsn + $2::numeric)",
    )
    .bind(begin.cast_signed())
    .bind(end.cast_signed())
    .fetch_one(&mut db)
    .await?;
    Ok((images > 0).then(|| bytes as f64 / images as f64))
}

/// What was done between `before` and `after`, less what was done in as much rest as `after` had, which is what `idle`
/// shows.
pub fn work(before: &Snapshot, after: &Snapshot, idle: &Snapshot, image_size: f64) -> Databases {
    let (run, rest) = (difference(before, after, image_size), difference(after, idle, image_size));
    let less = |database: &Database, idle: &Database| Database {
        transactions: database.transactions.saturating_sub(idle.transactions),
        wal_bytes: database.wal_bytes.saturating_sub(idle.wal_bytes),
        image_bytes: (database.image_bytes - idle.image_bytes).max(0.0),
    };
    let by_name = run.by_name.iter().map(|(name, database)| {
        let idle = rest.by_name.get(name).copied().unwrap_or_default();
        (name.clone(), less(database, &idle))
    });
    Databases { by_name: by_name.collect(), wal_syncs: run.wal_syncs.saturating_sub(rest.wal_syncs) }
}

fn difference(before: &Snapshot, after: &Snapshot, image_size: f64) -> Databases {
    let mut by_name: BTreeMap<String, Database> = BTreeMap::new();
    for (name, transactions) in &after.transactions {
        let earlier = before.transactions.get(name).copied().unwrap_or_default();
        by_name.entry(name.clone()).or_default().transactions = transactions.saturating_sub(earlier);
    }
    for (connection, now) in &after.written {
        let earlier = before.written.get(connection).cloned().unwrap_or_default();
        let database = by_name.entry(now.database.clone()).or_default();
        database.wal_bytes += now.bytes.saturating_sub(earlier.bytes);
        database.image_bytes += now.page_images.saturating_sub(earlier.page_images) as f64 * image_size;
    }
    Databases { by_name, wal_syncs: after.wal_syncs.saturating_sub(before.wal_syncs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(transactions: u64, connections: &[(i32, u64, u64)], wal_syncs: u64) -> Snapshot {
        let written = connections.iter().map(|(pid, bytes, page_images)| {
            let written = Written { database: "order".into(), bytes: *bytes, page_images: *page_images };
            ((*pid, "noon".to_owned()), written)
        });
        Snapshot {
            wal: 0,
            transactions: [("order".to_owned(), transactions)].into(),
            written: written.collect(),
            wal_syncs,
        }
    }

    #[test]
    fn what_a_system_at_rest_does_is_taken_off_and_new_connections_count_whole() {
        let before = snapshot(100, &[(1, 1_000, 1)], 10);
        let after = snapshot(350, &[(1, 9_000, 2), (2, 500, 0)], 40);
        let idle = snapshot(400, &[(1, 9_100, 2), (2, 500, 0)], 45);
        let done = work(&before, &after, &idle, 4_000.0);
        let order = Database { transactions: 200, wal_bytes: 8_400, image_bytes: 4_000.0 };
        assert_eq!(done, Databases { by_name: [("order".to_owned(), order)].into(), wal_syncs: 25 });
    }
}

//! Tables brought up to date, by a role that may, for a role that may not.

use std::{collections::HashSet, time::Duration};

use sqlx::{AssertSqlSafe, PgPool, Postgres, migrate::Migrator, pool::PoolConnection};

use super::Pool;

const ENGINE_LEDGER: &str = "_engine_migrations";
/// The name that sqlx gives it.
const SERVICE_LEDGER: &str = "_sqlx_migrations";

/// How often a replica asks whether it is its turn to migrate.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Why the tables are not up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// A migration did not go through.
    #[error("the {whose}'s migrations failed: {source}")]
    Failed {
        /// The engine's or the service's.
        whose: &'static str,
        /// sqlx's error.
        source: sqlx::migrate::MigrateError,
    },
    /// A migration was not applied, and this process is not to apply it.
    #[error(
        "the database lacks {whose} migration {version} ({description}): start the service once with MIGRATIONS=only \
         and the owner's DATABASE_URL, then again"
    )]
    Missing {
        /// The engine's or the service's.
        whose: &'static str,
        /// Its number.
        version: i64,
        /// Its name.
        description: String,
    },
    /// The table of the aggregates has a column of its own by the name of the engine's.
    #[error("the table {table} has a column {column} of its own: the engine needs that name; give yours another one")]
    Taken {
        /// The table's name.
        table: String,
        /// The column's.
        column: &'static str,
    },
    /// The table of the aggregates does not count their events, and this process is not to make it.
    #[error(
        "the table {table} has no column for the count of published events: start the service once with MIGRATIONS=only and \
         the owner's DATABASE_URL, then again"
    )]
    Uncounted {
        /// Its name.
        table: String,
    },
    /// The database did not answer as it should.
    #[error("the migrations can't be looked up or granted: {0}")]
    Database(#[from] sqlx::Error),
}

/// The engine's own migrations, with a ledger of their own beside the service's.
pub fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.dangerous_set_table_name(ENGINE_LEDGER);
    migrations
}

/// Applies what is missing, the engine's migrations first. Safe from several replicas at once; it takes two connections. Migrations of a
/// newer version are fine, as where a service was rolled back: they only add.
pub async fn migrate(pool: &PgPool, service: &Migrator) -> Result<(), MigrationError> {
    let turn = turn(pool).await?;
    drop_unfinished(pool, service).await?;
    let service = Migrator::with_migrations(service.iter().cloned().collect());
    for (whose, mut migrations) in [("engine", migrations()), ("service", service)] {
        migrations.set_ignore_missing(true);
        migrations.run(pool).await.map_err(|source| MigrationError::Failed { whose, source })?;
    }
    Ok(turn.close().await?)
}

/// Waits until no other replica migrates. What is returned has to stay open meanwhile.
///
/// A replica that waited within a statement would hold a snapshot, and CREATE INDEX CONCURRENTLY waits for all snapshots: so each
/// replica asks again from time to time.
async fn turn(pool: &PgPool) -> sqlx::Result<PoolConnection<Postgres>> {
    let mut connection = pool.acquire().await?;
    // A failure ends the turn, too.
    connection.close_on_drop();
    let mine = "SELECT pg_try_advisory_lock(hashtext('migrate_in_turn'))";
    while !sqlx::query_scalar::<_, bool>(mine).fetch_one(&mut *connection).await? {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(connection)
}

/// Drops indexes whose making broke off, if a migration is to make them outside of a transaction: PostgreSQL keeps them as invalid ones,
/// and they are in its way.
async fn drop_unfinished(pool: &PgPool, service: &Migrator) -> sqlx::Result<()> {
    let query = "SELECT relname::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                 WHERE NOT indisvalid AND pg_table_is_visible(pg_class.oid)";
    let unfinished: Vec<String> = sqlx::query_scalar(query).fetch_all(pool).await?;
    let makes = |index: &str| service.iter().any(|migration| migration.no_tx && migration.sql.as_str().contains(index));
    for index in unfinished.iter().filter(|index| makes(index)) {
        let drop = AssertSqlSafe(format!("DROP INDEX CONCURRENTLY IF EXISTS \"{index}\""));
        sqlx::query(drop).execute(pool).await?;
    }
    Ok(())
}

/// Gives a service's role what it needs, and no more. Safe from several replicas at once.
pub async fn grant(pool: &PgPool, role: &str) -> Result<(), MigrationError> {
    let mut transaction = pool.begin().await?;
    // Replicas that start together take turns: PostgreSQL refuses two sessions that change the rights of one object at once.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('grant_to_service'))").execute(&mut *transaction).await?;
    sqlx::query("CALL grant_to_service($1)").bind(role).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Is everything applied that this program knows? Newer ones are fine: they come before the programs that need them.
pub async fn expect_migrated(pool: &Pool, service: &Migrator) -> Result<(), MigrationError> {
    expect(pool, "engine", ENGINE_LEDGER, &migrations()).await?;
    expect(pool, "service", SERVICE_LEDGER, service).await
}

async fn expect(
    pool: &Pool,
    whose: &'static str,
    ledger: &'static str,
    migrations: &Migrator,
) -> Result<(), MigrationError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(ledger).fetch_one(pool).await?;
    let applied: HashSet<i64> = match there {
        true => {
            let query = AssertSqlSafe(format!("SELECT version FROM {ledger} WHERE success"));
            sqlx::query_scalar(query).fetch_all(pool).await?.into_iter().collect()
        }
        false => HashSet::new(),
    };
    match migrations.iter().find(|migration| !applied.contains(&migration.version)) {
        None => Ok(()),
        Some(missing) => Err(MigrationError::Missing {
            whose,
            version: missing.version,
            description: missing.description.to_string(),
        }),
    }
}

//! Tables brought up to date, by a role that may, for a role that may not.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, PgPool, migrate::Migrator};

use super::Pool;

const ENGINE_LEDGER: &str = "_engine_migrations";
/// The name that sqlx gives it.
const SERVICE_LEDGER: &str = "_sqlx_migrations";

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
    // Those of a newer version are fine: they come before the programs that need them.
    migrations.set_ignore_missing(true);
    migrations
}

/// Applies what is missing, the engine's migrations first. Safe from several replicas at once.
pub async fn migrate(pool: &PgPool, service: &Migrator) -> Result<(), MigrationError> {
    for (whose, migrations) in [("engine", &migrations()), ("service", service)] {
        migrations.run(pool).await.map_err(|source| MigrationError::Failed { whose, source })?;
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

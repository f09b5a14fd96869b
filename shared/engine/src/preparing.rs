//! A service's database before it serves: connected to, brought up to date, with its partitions.

use std::time::Duration;

use anyhow::{Context as _, Result};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::info;

use crate::{
    postgres::{self, Tables},
    settings::{DatabaseSettings, EngineSettings, Migrations, RANGES},
};

/// The service's own connections, once its tables are as it needs them.
pub(crate) async fn prepare_database<P: Tables>(settings: &EngineSettings, migrations: &Migrator) -> Result<PgPool> {
    let database = &settings.database;
    if database.migrations == Migrations::Apply {
        migrate::<P>(database, migrations).await?;
    }
    let pool = connect(options(&database.url()?, "DATABASE_URL")?, P::NAME, database.database_connections)
        .await
        .context("DATABASE_URL: the database can't be reached")?;
    if database.migrations == Migrations::Expect {
        postgres::expect_migrated(&pool, migrations).await?;
    }
    postgres::make_partitions(&pool, settings.policy().window).await.context("partitions could not be made")?;
    postgres::make_leases(&pool, RANGES).await.context("relay leases could not be made")?;
    Ok(pool)
}

/// Brings the tables up to date and lets the service's own role in.
pub(crate) async fn migrate<P: Tables>(database: &DatabaseSettings, migrations: &Migrator) -> Result<()> {
    let owner = options(&database.migration_url()?, "MIGRATION_DATABASE_URL")?;
    let owner_name = owner.get_username().to_owned();
    let role = match &database.database_role {
        Some(role) => role.clone(),
        None => options(&database.url()?, "DATABASE_URL")?.get_username().to_owned(),
    };
    let pool = connect(owner, P::NAME, 2).await.context("the database can't be reached by the role that migrates")?;
    postgres::migrate(&pool, migrations).await?;
    if role != owner_name {
        postgres::grant(&pool, &role).await?;
    }
    pool.close().await;
    info!(role, "the tables are up to date");
    Ok(())
}

fn options(url: &SecretString, variable: &'static str) -> Result<PgConnectOptions> {
    // What is wrong with it is not repeated: the message could hold the password.
    url.expose_secret()
        .parse()
        .map_err(|_| anyhow::anyhow!("{variable} is no PostgreSQL URL, as postgres://ROLE:PASSWORD@HOST/DATABASE"))
}

async fn connect(options: PgConnectOptions, name: &str, connections: u32) -> sqlx::Result<PgPool> {
    let options = options.application_name(name).options([
        // A generic plan that was made while a table was empty would go on scanning it whole.
        ("plan_cache_mode", "force_custom_plan"),
        // A batch knows the keys of its rows. As long as a table is young its statistics are too, and a whole scan
        // looks cheaper than it will be a minute later.
        ("enable_seqscan", "off"),
        // A bitmap scan for the first unpublished rows visits the pages of all that were published since the last
        // vacuum, at every step of the relay; an index scan passes over those it knows to be dead. Half of
        // PostgreSQL's work was that.
        ("enable_bitmapscan", "off"),
        // A row that somebody else holds for longer is a passing failure of those who want it.
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        // A frozen replica must not hold its locks for ever.
        ("idle_in_transaction_session_timeout", "30s"),
    ]);
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await
}

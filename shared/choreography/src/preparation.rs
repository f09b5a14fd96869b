//! What must be there before a service serves: its database, up to date and with its partitions, and its topics.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use choreography_core::{
    participant::Participant,
    policy::Policy,
    routes::{Description, Routed, TableId},
};
use choreography_kafka::{Connection, check_key_topics, check_moves, check_topics};
use choreography_postgres as postgres;
use choreography_postgres::{Limits, Pool};
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::{info, warn};

use crate::settings::{DatabaseSettings, EngineSettings, Migrations, Pooler, RANGES, delta};

/// How much longer this side waits for an answer than PostgreSQL lets a statement run.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// Brings the service's tables to what it needs. Answers the policy that they allow.
pub(crate) async fn prepare_database(
    participant: &Routed,
    settings: &EngineSettings,
    pool: &Pool,
    migrations: &Migrator,
) -> Result<Policy> {
    if settings.database.migrations == Migrations::Apply {
        migrate(participant, &settings.database, migrations).await?;
    }
    pool.session().await.map_err(reached)?;
    if !postgres::commits_last(pool).await.context("synchronous_commit could not be looked up")? {
        bail!(
            "synchronous_commit is off for the role of DATABASE_URL: what PostgreSQL confirms could be gone after a crash \
             of its server, and events with it. Find out where it is set (SELECT source FROM pg_settings WHERE name = \
             'synchronous_commit'), and set it to on there"
        );
    }
    if settings.database.migrations == Migrations::Expect {
        postgres::expect_migrated(pool, migrations).await?;
        if let Some(TableId(aggregates)) = participant.counts() {
            postgres::expect_counted(pool, aggregates.name).await?;
        }
    }
    let mut policy = settings.policy();
    postgres::make_partitions(pool, policy.window).await.context("partitions could not be made")?;
    postgres::make_leases(pool, RANGES).await.context("relay leases could not be made")?;
    if let Some(floor) = postgres::inbox_floor(pool).await.context("the inbox could not be read")? {
        let complete = Utc::now() - floor;
        if complete < policy.window.horizon {
            warn!(
                horizon = %policy.window.horizon, since = %floor,
                "the inbox forgot older events when the horizon was shorter; until the next start older events are refused"
            );
            policy.window.horizon = complete;
        }
    }
    Ok(policy)
}

fn reached(error: sqlx::Error) -> anyhow::Error {
    // Only a pooler says so: PostgreSQL itself knows what it is asked for at the start of a connection.
    let pooler =
        error.as_database_error().is_some_and(|error| error.message().contains("unsupported startup parameter"));
    anyhow::Error::from(error).context(if pooler {
        "DATABASE_URL leads to a pooler: set DATABASE_POOLER=transaction, and MIGRATION_DATABASE_URL to lead past it"
    } else {
        "DATABASE_URL: the database can't be reached"
    })
}

/// Checks that topics exist, and that the horizon covers how long they keep events.
pub(crate) async fn check_choreography(
    participant: &Routed,
    settings: &EngineSettings,
    kafka: &Connection,
) -> Result<()> {
    let reads = participant.sources();
    let dead_letters: Vec<String> = reads.iter().map(|topic| choreography_core::dead_letter::topic_of(topic)).collect();
    let written = participant.destinations();
    let Description { owns_keys, reads_keys, .. } = participant.describe();
    let keys: Vec<&str> = owns_keys.into_iter().chain(reads_keys).collect();
    let of_events = reads.iter().copied().chain(written).chain(dead_letters.iter().map(String::as_str));
    let topics: Vec<&str> = of_events.chain(keys.iter().copied()).collect();
    check_topics(kafka, &topics, None).await?;
    let ((_, switches), left) = (participant.subscription(), participant.left());
    if !(switches.is_empty() && left.is_empty()) {
        check_moves(kafka, participant.name(), switches, left).await?;
    }
    if settings.check_topic_settings {
        let elsewhere = delta(settings.outbox_delay + settings.redrive_horizon);
        check_topics(kafka, &reads, Some((delta(settings.event_horizon), elsewhere))).await?;
        check_key_topics(kafka, &keys, delta(settings.event_horizon)).await?;
    }
    Ok(())
}

/// The engine's connections, made when they are needed. What the API reads has others beside them ([`api_pool`]).
pub(crate) fn open_pool(name: &'static str, database: &DatabaseSettings) -> Result<Pool> {
    let connection = service_options(name, database, &database.url()?)?;
    let limits = limits(database, database.database_connections);
    Ok(match database.database_pooler {
        Pooler::None => Pool::new(connection, limits),
        Pooler::Transaction => Pool::behind_pooler(connection, limits, &settings(database)),
    })
}

/// How the service connects, by a URL as DATABASE_URL has it.
pub(crate) fn service_options(
    name: &'static str,
    database: &DatabaseSettings,
    url: &SecretString,
) -> Result<PgConnectOptions> {
    let connection = options(url, "DATABASE_URL")?.application_name(name);
    Ok(match database.database_pooler {
        Pooler::None => {
            let kept = SESSION_SETTINGS.map(|(name, value)| (name, value.to_owned()));
            connection.options(settings(database).into_iter().chain(kept))
        }
        // A pooler knows few of the settings that a client may bring along.
        Pooler::Transaction => connection.extra_float_digits(None),
    })
}

/// Connections for the API alone: slow readers leave those of the loops alone.
pub(crate) fn api_pool(engine: &Pool, database: &DatabaseSettings) -> Pool {
    engine.beside(limits(database, database.api_database_connections))
}

fn limits(database: &DatabaseSettings, connections: u32) -> Limits {
    Limits {
        connections: connections as usize,
        statement: database.database_statement_timeout + ANSWER_MARGIN,
        ..Limits::default()
    }
}

/// Brings the tables up to date and lets the service's own role in.
pub(crate) async fn migrate(participant: &Routed, database: &DatabaseSettings, migrations: &Migrator) -> Result<()> {
    let name = participant.name();
    let owner = options(&database.migration_url()?, "MIGRATION_DATABASE_URL")?.application_name(name);
    if database.database_pooler == Pooler::Transaction && database.migrates_by_its_own_url() {
        bail!(
            "migrations take locks that a pooler cannot keep: set MIGRATION_DATABASE_URL to lead \
             past the pooler, or migrate in a job of its own and start the service with MIGRATIONS=expect"
        );
    }
    let owner_name = owner.get_username().to_owned();
    let role = match &database.database_role {
        Some(role) => role.clone(),
        None => options(&database.url()?, "DATABASE_URL")?.get_username().to_owned(),
    };
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(owner.options([("lock_timeout", "5s")]))
        .await
        .context("the database can't be reached by the role that migrates")?;
    postgres::migrate(&pool, migrations).await?;
    if let Some(TableId(aggregates)) = participant.counts() {
        postgres::count_events(&pool, aggregates.name).await?;
    }
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

/// How PostgreSQL plans the engine's statements. They come in few shapes and in batches of any size, and each knows the keys of
/// its rows: so a plan is made once, and it goes by the index, whether the table is empty or full by then.
pub const PLANNING: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    // As long as a table is young its statistics are too, and to read it whole looks cheaper than it will be a minute later. So
    // does to join it with the keys in any way but by looking up each of them.
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // A bitmap scan for the first unpublished rows gathers all that there are before it gives one, at every step of the relay; an
    // index scan ends at the limit. Half of PostgreSQL's work was that.
    ("enable_bitmapscan", "off"),
];

/// What holds for every transaction.
fn settings(database: &DatabaseSettings) -> Vec<(&'static str, String)> {
    let limits = [
        // A row that another transaction holds for longer is a passing failure of the inputs that need it.
        ("lock_timeout", "5s".into()),
        ("statement_timeout", format!("{}ms", database.database_statement_timeout.as_millis())),
        // A frozen replica must not hold its locks for ever.
        ("idle_in_transaction_session_timeout", "30s".into()),
        (postgres::COUNTS.0, postgres::COUNTS.1.into()),
    ];
    PLANNING.map(|(name, value)| (name, value.to_owned())).into_iter().chain(limits).collect()
}

/// What holds for a connection: PostgreSQL notices a client that is gone, and lets go of its locks.
const SESSION_SETTINGS: [(&str, &str); 5] = [
    ("client_connection_check_interval", "5s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20s"),
];

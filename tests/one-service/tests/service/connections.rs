//! Connections that get lost, and days that come and go, on a real PostgreSQL.

use std::time::Duration;

use choreography_core::event_id::Window;
use choreography_postgres as postgres;
use choreography_postgres::{Limits, Pool};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use harness::Wire;
use local::{Postgres, PostgresOptions, RunDir};
use sqlx::PgPool;

struct Database {
    url: String,
    server: String,
    _postgres: Postgres,
    _dir: RunDir,
}

impl Database {
    async fn start() -> Self {
        let dir = RunDir::create().unwrap();
        let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
        let url = postgres.admin_url().to_owned();
        let server = url.rsplit_once('@').unwrap().1.split(['/', '?']).next().unwrap().to_owned();
        Self { url, server, _postgres: postgres, _dir: dir }
    }

    fn pool(&self, limits: Limits) -> Pool {
        Pool::new(self.url.parse().unwrap(), limits)
    }

    /// Through a wire that can be cut.
    async fn wired(&self, limits: Limits) -> (Wire, Pool) {
        let wire = Wire::nowhere().await.unwrap();
        wire.lead(&self.server);
        let url = self.url.replace(&self.server, &wire.address.to_string());
        (wire, Pool::new(url.parse().unwrap(), limits))
    }
}

fn one() -> Limits {
    Limits { connections: 1, statement: Duration::from_secs(2), ..Limits::default() }
}

async fn numbers(pool: &Pool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM numbers").fetch_one(pool).await.unwrap()
}

async fn insert(pool: &Pool) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO numbers VALUES (1)").execute(pool).await.map(drop)
}

#[tokio::test]
async fn what_got_lost_never_goes_back_into_the_pool() {
    let database = Database::start().await;
    let onlooker = database.pool(one());
    sqlx::query("CREATE TABLE numbers (number int)").execute(&onlooker).await.unwrap();

    // The server was demoted under the session's feet.
    let pool = database.pool(one());
    sqlx::query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").execute(&pool).await.unwrap();
    let refused = insert(&pool).await.unwrap_err();
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("25006"));
    insert(&pool).await.unwrap();

    // The server's end of the connection vanishes while no transaction uses it: a transaction begins on another.
    let (wire, pool) = database.wired(one()).await;
    insert(&pool).await.unwrap();
    assert_eq!(wire.vanish(), 1);
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO numbers VALUES (2)").execute(&mut tx).await.unwrap();

    // … and in the middle of a transaction: its statement ends, and nothing of it was done.
    assert_eq!(wire.vanish(), 1);
    let lost = sqlx::query("INSERT INTO numbers VALUES (3)").execute(&mut tx).await.unwrap_err();
    assert!(lost.to_string().contains("did not answer within 2s"), "{lost}");
    assert!(tx.commit().await.is_err());
    insert(&pool).await.unwrap();
    assert_eq!(numbers(&onlooker).await, 3);
}

#[tokio::test]
async fn a_begin_that_is_given_up_leaves_no_connection_inside_a_transaction() {
    let database = Database::start().await;
    let onlooker = database.pool(one());
    sqlx::query("CREATE TABLE numbers (number int)").execute(&onlooker).await.unwrap();
    let pool = database.pool(one());
    for round in 0..200_u64 {
        // Given up at every place of it, and sometimes not at all.
        let begun = tokio::time::timeout(Duration::from_micros(round * 20), pool.begin()).await;
        drop(begun);
        insert(&pool).await.unwrap();
        assert_eq!(numbers(&onlooker).await, i64::try_from(round).unwrap() + 1);
    }
}

#[tokio::test]
async fn a_transaction_of_which_a_statement_failed_cannot_be_committed() {
    let database = Database::start().await;
    let pool = database.pool(one());
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 / 0").execute(&mut tx).await.unwrap_err();
    assert!(tx.commit().await.is_err());
    let answer: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.unwrap();
    assert_eq!(answer, 1);
}

#[tokio::test]
async fn behind_a_pooler_settings_go_with_each_transaction() {
    let database = Database::start().await;
    let pool = Pool::behind_pooler(database.url.parse().unwrap(), one(), &[("lock_timeout", "321ms".into())]);
    let timeout: String = sqlx::query_scalar("SHOW lock_timeout").fetch_one(&pool).await.unwrap();
    assert_eq!(timeout, "321ms");
    let named: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_prepared_statements").fetch_one(&pool).await.unwrap();
    assert_eq!(named, 0);
}

async fn oldest_inbox_day(pool: &Pool) -> NaiveDate {
    sqlx::query_scalar(
        "SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'inbox'::regclass",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn days_that_were_dropped_do_not_come_back_empty_when_the_horizon_is_raised() {
    let database = Database::start().await;
    postgres::migrate(&PgPool::connect(&database.url).await.unwrap(), &sqlx::migrate::Migrator::DEFAULT).await.unwrap();
    let pool = database.pool(Limits::default());
    let window = |days| Window { horizon: TimeDelta::days(days), skew: TimeDelta::minutes(5) };
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(&pool).await.unwrap();
    let day = |ago| (now - TimeDelta::days(ago)).date_naive();

    postgres::make_partitions(&pool, window(10)).await.unwrap();
    assert_eq!(oldest_inbox_day(&pool).await, day(10));
    assert_eq!(postgres::inbox_floor(&pool).await.unwrap(), None);

    assert_eq!(postgres::drop_partitions(&pool, window(4), TimeDelta::days(3)).await.unwrap(), 6);
    postgres::make_partitions(&pool, window(10)).await.unwrap();
    assert_eq!(oldest_inbox_day(&pool).await, day(4));
    assert_eq!(postgres::inbox_floor(&pool).await.unwrap().map(|floor| floor.date_naive()), Some(day(4)));
}

#[tokio::test]
async fn days_come_and_go_without_holding_up_traffic() {
    let database = Database::start().await;
    postgres::migrate(&PgPool::connect(&database.url).await.unwrap(), &sqlx::migrate::Migrator::DEFAULT).await.unwrap();
    let pool = database.pool(Limits::default());
    let window = |days| Window { horizon: TimeDelta::days(days), skew: TimeDelta::minutes(5) };
    postgres::make_partitions(&pool, window(5)).await.unwrap();

    let mut reader = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM inbox").execute(&mut reader).await.unwrap();
    // A day is made although another transaction reads.
    postgres::make_partitions(&pool, window(7)).await.unwrap();
    // One is dropped only when no transaction reads; and it does not insist.
    let refused = sqlx::query("SELECT drop_partitions('inbox', current_date - 5)").execute(&pool).await.unwrap_err();
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("55P03"));
    drop(reader);
    assert_eq!(postgres::drop_partitions(&pool, window(5), TimeDelta::days(3)).await.unwrap(), 2);
}

//! PostgreSQL itself.

use local::databases::{Login, create_database};
use local::{LocalError, Postgres, PostgresOptions, RunDir};
use sqlx::{Connection, Executor, PgConnection};

type TestResult = Result<(), Box<dyn std::error::Error>>;

async fn kept(url: &str) -> sqlx::Result<Vec<String>> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query_scalar("SELECT name FROM kept").fetch_all(&mut connection).await
}

#[tokio::test]
async fn a_committed_row_is_there_after_kill_9_and_restart() -> TestResult {
    let run = RunDir::create()?;
    let postgres = Postgres::start(&run.path().join("pg"), PostgresOptions::default()).await?;
    create_database(postgres.admin_url(), "order", &Login::new("order", "it's \"secret\"")).await?;
    create_database(postgres.admin_url(), "order", &Login::new("order", "an/other%")).await?;
    let url = postgres.url("order", "order", "an/other%");
    let mut client = PgConnection::connect(&url).await?;
    client.execute("CREATE TABLE kept (name text)").await?;
    client.execute("INSERT INTO kept VALUES ('chair')").await?;

    let tree = local::cpu::process_tree(postgres.pid().unwrap_or(0));
    assert!(tree.len() > 2, "a server with its workers and a client: {tree:?}");
    postgres.kill()?;
    assert!(tree.iter().all(|pid| !local::cpu::is_running(*pid)));
    assert!(client.ping().await.is_err());
    postgres.restart().await?;
    assert_eq!(kept(&url).await?, ["chair"]);

    postgres.pause()?;
    postgres.resume()?;
    postgres.restart().await?;
    assert_eq!(kept(&url).await?, ["chair"]);
    Ok(())
}

#[tokio::test]
async fn a_server_started_again_in_its_directory_has_its_data() -> TestResult {
    let run = RunDir::create()?;
    let dir = run.path().join("pg");
    let first = Postgres::start(&dir, PostgresOptions::default()).await?;
    let mut client = PgConnection::connect(first.admin_url()).await?;
    client.execute("CREATE TABLE kept (name text)").await?;
    client.execute("INSERT INTO kept VALUES ('chair')").await?;
    drop(first);
    let second = Postgres::start(&dir, PostgresOptions::default()).await?;
    assert_eq!(kept(second.admin_url()).await?, ["chair"]);
    Ok(())
}

#[tokio::test]
async fn a_service_cannot_enter_anothers_database_nor_log_in_without_its_password() -> TestResult {
    let run = RunDir::create()?;
    let postgres = Postgres::start(&run.path().join("pg"), PostgresOptions::default()).await?;
    for name in ["order", "payment"] {
        create_database(postgres.admin_url(), name, &Login::new(name, name)).await?;
    }
    assert!(PgConnection::connect(&postgres.url("order", "order", "order")).await.is_ok());
    assert!(PgConnection::connect(&postgres.url("order", "payment", "payment")).await.is_err());
    assert!(PgConnection::connect(&postgres.url("order", "order", "guess")).await.is_err());
    Ok(())
}

#[tokio::test]
async fn no_password_stands_in_a_statement() -> TestResult {
    let run = RunDir::create()?;
    let dir = run.path().join("pg");
    let settings = vec![("log_statement".to_owned(), "all".to_owned())];
    let postgres = Postgres::start(&dir, PostgresOptions { settings }).await?;
    // What clients prepare before they show it, too.
    for password in ["correct-horse", "it's \"secret\"", "gr\u{fc}n\u{a0}l\u{ad}ich"] {
        create_database(postgres.admin_url(), "order", &Login::new("order", password)).await?;
        let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let connected =
            PgConnection::connect(&postgres.url("order", "order", "PASSWORD").replace("PASSWORD", &encoded));
        assert!(connected.await.is_ok(), "{password} opens");
        let log = std::fs::read_to_string(dir.join("postgres.log"))?;
        assert!(log.contains("ALTER ROLE") && log.contains("SCRAM-SHA-256$4096:"), "statements are logged");
        assert!(!log.contains(password), "{password} is in the log");
    }
    Ok(())
}

#[tokio::test]
async fn an_administrator_who_is_no_superuser_can_make_the_databases() -> TestResult {
    let run = RunDir::create()?;
    let postgres = Postgres::start(&run.path().join("pg"), PostgresOptions::default()).await?;
    let mut admin = PgConnection::connect(postgres.admin_url()).await?;
    admin.execute("CREATE ROLE dba LOGIN CREATEROLE CREATEDB PASSWORD 'dba'").await?;
    let external = Postgres::external(&postgres.url("postgres", "dba", "dba"))?;
    for _ in 0..2 {
        create_database(external.admin_url(), "order", &Login::new("order", "order")).await?;
    }
    let service = PgConnection::connect(&external.url("order", "order", "order")).await;
    assert!(service.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_server_that_cannot_start_answers_with_the_end_of_its_log() -> TestResult {
    let run = RunDir::create()?;
    let options = PostgresOptions { settings: vec![("max_connections".into(), "many".into())] };
    let failed = Postgres::start(&run.path().join("pg"), options).await;
    assert!(matches!(&failed, Err(LocalError::Ended { tail, .. }) if tail.contains("max_connections")), "{failed:?}");
    Ok(())
}

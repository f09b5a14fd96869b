//! What a start refuses of a real PostgreSQL.

use choreography::{Answer, CallError, EngineSettings, PendingCall, Provider, Runner};
use chrono::TimeDelta;
use harness::PATIENCE;
use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{Login, create_database},
};
use notification::{MIGRATIONS, Notification};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// The start ends before anything is sent.
struct Unasked;

impl Provider for Unasked {
    async fn call(&self, call: &PendingCall, _age: TimeDelta) -> Result<Answer, CallError> {
        Err(CallError::Passing(format!("{} was called", call.step)))
    }
}

#[tokio::test]
async fn a_role_whose_commits_may_be_lost_is_refused_with_what_to_do() {
    let dir = RunDir::create().unwrap();
    let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
    create_database(postgres.admin_url(), "notification", &Login::new("notification", "secret")).await.unwrap();
    let administrator = PgPool::connect(postgres.admin_url()).await.unwrap();
    sqlx::query("ALTER ROLE notification SET synchronous_commit = off").execute(&administrator).await.unwrap();

    let database = postgres.url("notification", "notification", "secret");
    // Kafka comes later in the start, and is not there.
    let settings = EngineSettings::from_pairs([
        ("DATABASE_URL", database.as_str()),
        ("KAFKA_BROKERS", "127.0.0.1:1"),
        ("HTTP_ADDR", "127.0.0.1:0"),
        ("ADMIN_ADDR", "127.0.0.1:0"),
    ])
    .unwrap();
    let service = Runner::new(settings, Notification, &MIGRATIONS).provider(Unasked).until(CancellationToken::new());
    let started = service.without_logs().without_metrics_recorder().run();
    let refused = tokio::time::timeout(PATIENCE, started).await.expect("the start ends").unwrap_err();
    assert!(refused.to_string().starts_with("synchronous_commit is off for the role of DATABASE_URL"), "{refused:#}");
}

//! Inventory's API as replicas on one real PostgreSQL, which ends with the test: everything but Kafka.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use engine::{
    commands::{self, CommandQueue},
    door::{Door, Progress},
    event_id::{Ids, Window},
    policy::{Policy, RetryPolicy},
    postgres::{self, Postgres as Database},
    service::Context,
    settings::RANGES,
};
use inventory::{Inventory, MIGRATIONS};
use local::{Postgres, PostgresOptions, RunDir, databases};
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt;

pub type ServiceDoor = Door<Inventory, Database<Inventory>>;

pub struct World {
    pub pool: PgPool,
    _postgres: Postgres,
    _dir: RunDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl World {
    pub async fn new() -> Self {
        let dir = RunDir::create().unwrap();
        let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
        databases::create_database(postgres.admin_url(), "inventory", "inventory", "secret").await.unwrap();
        let pool = PgPool::connect(&postgres.url("inventory", "inventory", "secret")).await.unwrap();
        postgres::migrations().run(&pool).await.unwrap();
        MIGRATIONS.run(&pool).await.unwrap();
        postgres::make_partitions(&pool, policy().window).await.unwrap();
        Self { pool, _postgres: postgres, _dir: dir }
    }

    pub fn door(&self) -> ServiceDoor {
        let participant = Arc::new(Inventory);
        let database = Database::new(self.pool.clone(), participant.clone(), RANGES);
        Door { participant, database, policy: policy() }
    }

    /// Another replica of the service.
    pub fn replica(&self) -> Router {
        let (commands, queue) = commands::queue(100, Duration::from_secs(30));
        tokio::spawn(serve(self.door(), queue));
        let context = Context { commands, pool: self.pool.clone() };
        inventory::http::routes(context)
    }

    /// A number that a query counts.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }
}

/// Sends a request; an empty body is none. An answer that is not JSON is a string.
pub async fn call(api: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = api.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::String(text));
    Answer { status: head.status, headers: head.headers, body }
}

/// What the engine's own loop does with commands.
async fn serve(door: ServiceDoor, mut queue: CommandQueue<Inventory>) {
    while let Some(batch) = queue.next(100).await {
        let mut progress = Progress::new(batch.work.len());
        let handled = door.handle_isolating(&mut Ids::new(), &batch.work, &mut progress).await;
        batch.answer(progress, handled.err().map(|error| Arc::from(error.to_string())));
    }
}

fn policy() -> Policy {
    let (second, day) = (chrono::TimeDelta::seconds(1), chrono::TimeDelta::days(1));
    Policy {
        window: Window { horizon: day, skew: second * 60 },
        retry: RetryPolicy { base: second, cap: second * 60, max_attempts: 10 },
        max_message_bytes: 1_000_000,
        ranges: RANGES,
        intent_lease: second * 10,
    }
}

//! Payment's database on a real PostgreSQL, which ends with the test.

use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{self, Login},
};
use payment::MIGRATIONS;
use sqlx::PgPool;

pub struct World {
    pub pool: PgPool,
    _postgres: Postgres,
    _dir: RunDir,
}

impl World {
    pub async fn new() -> Self {
        let dir = RunDir::create().unwrap();
        let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
        databases::create_database(postgres.admin_url(), "payment", &Login::new("payment", "secret")).await.unwrap();
        let pool = PgPool::connect(&postgres.url("payment", "payment", "secret")).await.unwrap();
        MIGRATIONS.run(&pool).await.unwrap();
        Self { pool, _postgres: postgres, _dir: dir }
    }
}

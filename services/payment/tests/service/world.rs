//! Payment's database on a real PostgreSQL, which ends with the test.

use engine::postgres::{self as database, Limits, Pool};
use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{self, Login},
};
use payment::MIGRATIONS;
use sqlx::PgPool;

pub struct World {
    pub pool: Pool,
    _postgres: Postgres,
    _dir: RunDir,
}

impl World {
    pub async fn new() -> Self {
        let dir = RunDir::create().unwrap();
        let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
        databases::create_database(postgres.admin_url(), "payment", &Login::new("payment", "secret")).await.unwrap();
        let url = postgres.url("payment", "payment", "secret");
        database::migrate(&PgPool::connect(&url).await.unwrap(), &MIGRATIONS).await.unwrap();
        let pool = Pool::new(url.parse().unwrap(), Limits::default());
        Self { pool, _postgres: postgres, _dir: dir }
    }
}

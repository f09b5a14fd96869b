//! Shipping's SQL on a real PostgreSQL.

use engine::postgres::{Limits, Pool, Tables};
use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{self, Login},
};
use shipping::{
    MIGRATIONS, Shipping,
    state::{Row, State, Table},
};
use sqlx::PgPool;

const TABLE: Table = Table::Shipments;
const STATES: [State; 5] = [State::None, State::Dispatching, State::Dispatched, State::Failed, State::Cancelled];

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let dir = RunDir::create().unwrap();
    let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
    databases::create_database(postgres.admin_url(), "shipping", &Login::new("shipping", "secret")).await.unwrap();
    let url = postgres.url("shipping", "shipping", "secret");
    MIGRATIONS.run(&PgPool::connect(&url).await.unwrap()).await.unwrap();
    let db = &mut Pool::new(url.parse().unwrap(), Limits::default()).session().await.unwrap();

    let row = |(index, state)| {
        (format!("o{index}"), Row { state, tracking_number: (state == State::Dispatched).then(|| "T\"1".into()) })
    };
    let rows: Vec<(String, Row)> = STATES.into_iter().enumerate().map(row).collect();
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();

    Shipping.ensure(db, TABLE, &keys).await.unwrap();
    let absent = Shipping.lock(db, TABLE, &keys).await.unwrap();
    assert_eq!(absent, keys.iter().map(|key| (key.clone(), Row::NONE)).collect::<Vec<_>>());

    Shipping.update(db, TABLE, &rows).await.unwrap();
    Shipping.ensure(db, TABLE, &keys).await.unwrap();
    assert_eq!(Shipping.lock(db, TABLE, &keys).await.unwrap(), rows);

    let new = vec![("p1".to_owned(), rows[2].1.clone())];
    Shipping.insert(db, TABLE, &new).await.unwrap();
    assert_eq!(Shipping.lock(db, TABLE, &["p1".to_owned()]).await.unwrap(), new);
}

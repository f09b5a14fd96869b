//! Notification's SQL on a real PostgreSQL.

use engine::postgres::{Limits, Pool, Tables};
use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{self, Login},
};
use notification::{
    MIGRATIONS, Notification,
    state::{End, Row, State, Table},
};
use sqlx::PgPool;

const TABLE: Table = Table::Notices;

fn row(state: State, end: Option<End>) -> Row {
    Row { state, customer: Some("Ada \"A\"".into()), end }
}

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let dir = RunDir::create().unwrap();
    let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
    databases::create_database(postgres.admin_url(), "notification", &Login::new("notification", "secret"))
        .await
        .unwrap();
    let url = postgres.url("notification", "notification", "secret");
    MIGRATIONS.run(&PgPool::connect(&url).await.unwrap()).await.unwrap();
    let db = &mut Pool::new(url.parse().unwrap(), Limits::default()).session().await.unwrap();

    let rows: Vec<(String, Row)> = [
        Row::NONE,
        row(State::Known, None),
        row(State::Telling, Some(End::Completed)),
        row(State::Told, Some(End::Cancelled)),
        row(State::Failed, Some(End::Completed)),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, row)| (format!("o{index}"), row))
    .collect();
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();

    Notification.ensure(db, TABLE, &keys).await.unwrap();
    let absent = Notification.lock(db, TABLE, &keys).await.unwrap();
    assert_eq!(absent, keys.iter().map(|key| (key.clone(), Row::NONE)).collect::<Vec<_>>());

    Notification.update(db, TABLE, &rows).await.unwrap();
    Notification.ensure(db, TABLE, &keys).await.unwrap();
    assert_eq!(Notification.lock(db, TABLE, &keys).await.unwrap(), rows);

    let new = vec![("p1".to_owned(), rows[2].1.clone())];
    Notification.insert(db, TABLE, &new).await.unwrap();
    assert_eq!(Notification.lock(db, TABLE, &["p1".to_owned()]).await.unwrap(), new);
}

//! Notification's SQL on a real PostgreSQL.

use engine::postgres::Tables;
use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{self, Login},
};
use notification::{
    MIGRATIONS, Notification,
    state::{End, Row, State, Table},
};
use sqlx::{Connection, PgConnection};

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
    let mut db = PgConnection::connect(&postgres.url("notification", "notification", "secret")).await.unwrap();
    MIGRATIONS.run(&mut db).await.unwrap();

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

    Notification.ensure(&mut db, TABLE, &keys).await.unwrap();
    let absent = Notification.lock(&mut db, TABLE, &keys).await.unwrap();
    assert_eq!(absent, keys.iter().map(|key| (key.clone(), Row::NONE)).collect::<Vec<_>>());

    Notification.update(&mut db, TABLE, &rows).await.unwrap();
    Notification.ensure(&mut db, TABLE, &keys).await.unwrap();
    assert_eq!(Notification.lock(&mut db, TABLE, &keys).await.unwrap(), rows);

    let new = vec![("p1".to_owned(), rows[2].1.clone())];
    Notification.insert(&mut db, TABLE, &new).await.unwrap();
    assert_eq!(Notification.lock(&mut db, TABLE, &["p1".to_owned()]).await.unwrap(), new);
}

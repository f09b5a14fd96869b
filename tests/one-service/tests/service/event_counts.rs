//! Aggregates count the events that they publish, in their rows.

use choreography_core::{
    AnyRow, Row,
    routes::{Routed, Service, TableId},
    store::{Database, TableChanges, Transaction, Waits, Wanted, WantedRows, Writing},
};
use choreography_postgres::count_events;
use one_service::OneService;
use payment::Payment;
use sqlx::AssertSqlSafe;

use crate::events::start;

type Aggregate = <Payment as Service>::Aggregate;

const TABLE: TableId = TableId(Aggregate::TABLE);

/// How many events an aggregate has published, as a batch that locks its row is told.
async fn counted(world: &OneService<Payment>, key: &str) -> Option<i64> {
    let mut tx = world.handler().database.begin(Waits::Long).await.expect("a transaction");
    let rows = vec![WantedRows { table: TABLE, keys: vec![key.to_owned()], if_free: Vec::new() }];
    let found = tx.lock(&Wanted { rows, ..Wanted::default() }).await.expect("rows");
    assert_eq!(found.rows.len(), 1, "{key} is there");
    found.events.get(key).copied()
}

fn row(key: &str) -> (String, AnyRow) {
    (key.to_owned(), AnyRow::new(Aggregate::default()))
}

async fn write(world: &OneService<Payment>, changes: TableChanges<Routed>, events: &[(&str, i64)]) {
    let events = events.iter().map(|(key, events)| ((*key).to_owned(), *events)).collect();
    let writing = Writing { tables: vec![changes], events, ..Writing::default() };
    assert!(world.write(writing).await.expect("it is written").is_nothing());
}

async fn with_rows() -> OneService<Payment> {
    let world = start().await;
    write(&world, TableChanges { inserts: vec![row("a"), row("b")], ..TableChanges::none(TABLE) }, &[("a", 2)]).await;
    world
}

#[tokio::test]
async fn an_aggregates_events_are_counted_whether_its_row_changes_or_not() {
    let world = with_rows().await;
    assert_eq!((counted(&world, "a").await, counted(&world, "b").await), (Some(2), Some(0)));
    write(&world, TableChanges { updates: vec![row("b")], ..TableChanges::none(TABLE) }, &[("a", 3)]).await;
    assert_eq!((counted(&world, "a").await, counted(&world, "b").await), (Some(3), Some(0)));
    write(&world, TableChanges { updates: vec![row("a"), row("b")], ..TableChanges::none(TABLE) }, &[("b", 1)]).await;
    assert_eq!((counted(&world, "a").await, counted(&world, "b").await), (Some(3), Some(1)));
}

#[tokio::test]
async fn a_writer_that_changes_a_row_and_does_not_count_leaves_the_count_unknown() {
    let world = with_rows().await;
    let (name, key) = (TABLE.0.name, TABLE.0.key);
    let older = format!(
        "BEGIN; SET LOCAL choreography.counts = ''; UPDATE {name} SET {key} = {key} WHERE {key} = 'a';
         INSERT INTO {name} SELECT * FROM jsonb_populate_record(NULL::{name}, (
             SELECT to_jsonb(t) - 'events_published' || '{{\"{key}\": \"c\"}}' FROM {name} t WHERE {key} = 'b')); COMMIT"
    );
    sqlx::raw_sql(AssertSqlSafe(older)).execute(&world.pool).await.expect("a replica of an older version");
    assert_eq!((counted(&world, "a").await, counted(&world, "c").await), (None, None));
    assert_eq!(counted(&world, "b").await, Some(0), "others are known as before");
}

#[tokio::test]
async fn a_table_that_was_not_counted_for_a_while_is_unknown_once_it_is_counted_again() {
    let world = with_rows().await;
    let owner = sqlx::PgPool::connect_with(world.pool.options()).await.expect("a connection");
    let drop = format!("DROP TRIGGER forget_events ON {}", TABLE.0.name);
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&owner).await.expect("the trigger goes");
    count_events(&owner, TABLE.0.name).await.expect("it is counted");
    assert_eq!((counted(&world, "a").await, counted(&world, "b").await), (None, None));
    write(&world, TableChanges { inserts: vec![row("c")], ..TableChanges::none(TABLE) }, &[("c", 1)]).await;
    count_events(&owner, TABLE.0.name).await.expect("nothing is to be done");
    assert_eq!(counted(&world, "c").await, Some(1));
}

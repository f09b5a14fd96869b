//! The outbox beside versions that marked its rows, on a real PostgreSQL.

use choreography_core::{
    relay::{Lane, Mark, OutboxStore},
    store::{OutboxMessage, Writing},
};
use chrono::TimeDelta;
use one_service::OneService;
use payment::Payment;
use uuid::Uuid;

use crate::events::start;

const BACK: &str = include_str!("../../../../shared/choreography-postgres/undo/0008_append_only.sql");

async fn append(world: &OneService<Payment>, keys: &[&str]) {
    let message = |key: &&str| OutboxMessage {
        topic: "payment-events".into(),
        key: Some(key.as_bytes().to_vec()),
        payload: Some(b"{}".to_vec()),
        headers: Vec::new(),
    };
    let messages = keys.iter().map(message).collect();
    assert!(world.write(Writing { messages, ..Writing::default() }).await.expect("rows").is_nothing());
}

/// Rows by number, as a version sees them that marks what is published.
async fn unmarked(world: &OneService<Payment>) -> Vec<String> {
    world.texts("SELECT number::text FROM outbox WHERE published_at IS NULL ORDER BY number").await
}

#[tokio::test]
async fn relays_of_the_version_before_hold_nothing_and_what_they_wrote_is_published() {
    let world = start().await;
    append(&world, &["a", "b"]).await;
    assert_eq!(world.count("SELECT count(*) FROM relay_leases WHERE expires_at <= now()").await, 0);
    // The version before marked some rows before it was replaced.
    sqlx::query("UPDATE outbox SET published_at = now() WHERE number = 1").execute(&world.pool).await.expect("marked");
    let store = world.door().database;
    let leases =
        OutboxStore::claim(&store, Uuid::from_u128(7), Lane::Events, TimeDelta::seconds(60)).await.expect("leases");
    let published = store.published(&leases).await.expect("ranges");
    let reading = choreography_core::relay::Reading {
        ranges: published.iter().map(|of| (of.range, of.through)).collect(),
        done: Vec::new(),
        without_topics: Vec::new(),
        rows: 100,
        bytes: 1_000_000,
    };
    let found = store.unpublished(&reading).await.expect("rows");
    assert_eq!(found.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn the_way_back_marks_what_is_published_and_nothing_else() {
    let world = start().await;
    append(&world, &["a", "a", "a", "a", "a"]).await;
    let store = world.door().database;
    let leases =
        OutboxStore::claim(&store, Uuid::from_u128(7), Lane::Events, TimeDelta::seconds(60)).await.expect("leases");
    let range: i32 =
        sqlx::query_scalar("SELECT range FROM outbox LIMIT 1").fetch_one(&world.pool).await.expect("a range");
    let mark = Mark {
        published: vec![(range, 4)],
        left_behind: vec![(range, 2)],
        through: vec![(range, 2)],
        ..Mark::default()
    };
    assert!(store.mark(&leases, &mark).await.expect("it is written down").contains(&range));
    sqlx::raw_sql(BACK).execute(&world.pool).await.expect("the way back");
    assert_eq!(unmarked(&world).await, ["2", "3", "5"], "what was left behind, and what was not sent");
    assert_eq!(world.count("SELECT count(*) FROM relay_leases WHERE expires_at > now()").await, 0);
}

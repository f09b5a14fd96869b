//! The outbox and what is read of it, and the outbox beside versions that marked its rows, on a real PostgreSQL.

use choreography_core::{
    effects::NewEvent,
    outbox::{self, Lineage, OutboxRow},
    relay::{Lane, Mark, OutboxStore, Refused},
    store::{OutboxMessage, Writing},
    trace::{Header, TraceContext},
};
use chrono::{TimeDelta, Utc};
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
        nth: None,
    };
    let messages = keys.iter().map(message).collect();
    assert!(world.write(Writing { messages, ..Writing::default() }).await.expect("rows").is_nothing());
}

/// Rows by number, as a version sees them that marks what is published.
async fn unmarked(world: &OneService<Payment>) -> Vec<String> {
    world.texts("SELECT number::text FROM outbox WHERE published_at IS NULL ORDER BY number").await
}

/// The rows that a relay of this version reads.
async fn unpublished(world: &OneService<Payment>) -> Vec<OutboxRow> {
    let store = world.handler().database;
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
    store.unpublished(&reading).await.expect("rows").rows
}

#[tokio::test]
async fn relays_of_the_version_before_hold_nothing_and_what_they_wrote_is_published() {
    let world = start().await;
    append(&world, &["a", "b"]).await;
    assert_eq!(world.count("SELECT count(*) FROM relay_leases WHERE expires_at <= now()").await, 0);
    // The version before marked some rows before it was replaced.
    sqlx::query("UPDATE outbox SET published_at = now() WHERE number = 1").execute(&world.pool).await.expect("marked");
    let found = unpublished(&world).await;
    assert_eq!(found.iter().map(|row| row.number).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn headers_that_the_envelope_implies_are_not_stored_and_are_read_with_the_others() {
    let world = start().await;
    let trace = TraceContext { traceparent: Some("00-1-2-01".into()), tracestate: None };
    let lineage = Lineage { source: "payment", correlation_id: "s", causation_id: None, trace: &trace };
    let event = NewEvent {
        topic: "payment-events",
        event_type: "payment.voided",
        version: 1,
        aggregate_id: "o1".into(),
        payload: "{}".into(),
    };
    let event = outbox::message(event, Uuid::now_v7(), Utc::now(), &lineage, 10_000).expect("an event");
    // Its headers say something else than its envelope.
    let mut odd = event.clone();
    odd.headers[2] = Header::text("event-version", "7");
    let messages = vec![event.clone(), odd.clone()];
    assert!(world.write(Writing { messages, ..Writing::default() }).await.expect("rows").is_nothing());

    let stored = "SELECT implied || ' ' || left(headers, 30) FROM outbox ORDER BY number";
    assert_eq!(
        world.texts(stored).await,
        [r#"true [["traceparent","00-1-2-01"]]"#, r#"false [["correlation-id","s"],["even"#]
    );
    let read = unpublished(&world).await.into_iter().map(|row| row.message).collect::<Vec<_>>();
    assert_eq!(read, [event, odd]);

    // So it stands among those that were given up, too.
    let stop = "INSERT INTO stopped_keys (number, range, topic, key, error) SELECT number, range, topic, key, 'too large' FROM outbox LIMIT 1";
    sqlx::query(stop).execute(&world.pool).await.expect("a stopped key");
    assert!(world.handler().database.discard_refused(1, "it is not needed").await.expect("an answer"));
    let given_up = "SELECT implied || ' ' || headers FROM discarded_messages";
    assert_eq!(world.texts(given_up).await, [r#"true [["traceparent","00-1-2-01"]]"#]);
}

#[tokio::test]
async fn the_way_back_marks_what_is_published_and_nothing_else() {
    let world = start().await;
    append(&world, &["a", "a", "a", "a", "a"]).await;
    let store = world.handler().database;
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
    let tables =
        "SELECT count(*) FROM pg_tables WHERE tablename IN ('outbox_ranges', 'outbox_blocks', 'outbox_left_behind')";
    assert_eq!(world.count(tables).await, 0);
    assert_eq!(world.count("SELECT max(version) FROM _engine_migrations").await, 6);
    assert_eq!(unmarked(&world).await, ["2", "3", "5"], "what was left behind, and what was not sent");
    assert_eq!(world.count("SELECT count(*) FROM relay_leases WHERE expires_at > now()").await, 0);
}

#[tokio::test]
async fn a_newer_versions_migrations_stop_no_start() {
    let world = start().await;
    sqlx::raw_sql(
        "INSERT INTO _engine_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '', 0);
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '', 0)",
    )
    .execute(&world.pool)
    .await
    .expect("later migrations, the engine's and the service's");
    let owner = sqlx::PgPool::connect_with(world.pool.options()).await.expect("a connection");
    choreography_postgres::migrate(&owner, &payment::MIGRATIONS).await.expect("nothing is to be done");
}

#[tokio::test]
async fn a_range_is_the_relays_no_more_once_another_server_answers() {
    let world = start().await;
    append(&world, &["a"]).await;
    let (store, me) = (world.handler().database, Uuid::from_u128(7));
    let claim = || OutboxStore::claim(&store, me, Lane::Events, TimeDelta::seconds(60));
    let before = claim().await.expect("leases");
    assert_eq!(claim().await.expect("the same"), before);
    let range: i32 =
        sqlx::query_scalar("SELECT range FROM outbox LIMIT 1").fetch_one(&world.pool).await.expect("a range");
    // As a standby has it that was promoted: another server's start stands there.
    sqlx::query("UPDATE outbox_ranges SET server = server - interval '1 day'")
        .execute(&world.pool)
        .await
        .expect("promoted");
    let mark = Mark { published: vec![(range, 1)], through: vec![(range, 1)], ..Mark::default() };
    assert_eq!(store.mark(&before, &mark).await.expect("an answer"), Vec::<i32>::new());
    let after = claim().await.expect("leases");
    assert!(after.iter().zip(&before).all(|(after, before)| after.epoch == before.epoch + 1), "{after:?} {before:?}");
    assert!(store.mark(&after, &mark).await.expect("an answer").contains(&range));
}

#[tokio::test]
async fn who_has_rows_of_the_outbox_under_way_is_a_writer_and_no_other_is() {
    let world = start().await;
    let store = world.handler().database;
    let mut elsewhere = world.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut elsewhere).await.expect("it has a number");
    assert_eq!(store.writers().await.expect("an answer"), Vec::<String>::new());
    let mut writer = world.pool.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO outbox (range, topic, headers) VALUES (0, 'payment-events', '[]')")
        .execute(&mut writer)
        .await
        .expect("a row");
    assert_eq!(store.writers().await.expect("an answer").len(), 1);
    writer.commit().await.expect("it ends");
    assert_eq!(store.writers().await.expect("an answer"), Vec::<String>::new());
    drop(elsewhere);
}

#[tokio::test]
async fn a_message_that_was_discarded_is_not_published_by_the_next_relay() {
    let world = start().await;
    append(&world, &["a"]).await;
    let store = world.handler().database;
    let claim = |holder| OutboxStore::claim(&store, Uuid::from_u128(holder), Lane::Events, TimeDelta::seconds(60));
    let leases = claim(7).await.expect("leases");
    let range: i32 =
        sqlx::query_scalar("SELECT range FROM outbox LIMIT 1").fetch_one(&world.pool).await.expect("a range");
    let refused = [Refused { range, number: 1, error: "too large".into() }];
    assert_eq!(store.stop(&leases, &refused).await.expect("it is stopped"), 1);
    assert!(store.discard_refused(1, "it is not needed").await.expect("an answer"));
    let published = store.published(&leases).await.expect("ranges");
    let of_range = published.into_iter().find(|of| of.range == range).expect("the range");
    assert_eq!((of_range.through, of_range.beyond), (0, vec![1]));
}

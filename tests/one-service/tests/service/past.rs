//! A database as a build left it that marked its outbox rows and wrote a row for each key before its rules ran. Today's
//! migrations run on it, and today's build goes on with what it finds.

mod calls;
mod deadlines;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use choreography::testing::RANGES;
use choreography_core::{
    broker::{EventProducer, PublishError},
    outbox::{OutboxRow, range_of},
    relay::{Feed, Lane, Pace, Relay, Relayed},
    routes::Service,
};
use chrono::TimeDelta;
use one_service::OneService;
use sqlx::{
    PgPool,
    migrate::{Migration, Migrator},
};
use uuid::Uuid;

static ENGINE: Migrator = sqlx::migrate!("../../shared/choreography-postgres/migrations");
/// The last that shipped with such a build. It and those before it are never edited.
const LAST: i64 = 6;

/// How their checksums begin.
const SHIPPED: [&str; LAST as usize] =
    ["8a749f5e9060", "4f65471921a3", "9ae9bba1ffe9", "1a5d181ada5b", "e147361671b7", "602a73102062"];

/// The tables of that build, and what was there whatever it did: days, a relay that holds all ranges and is heard of no
/// more, a process that crashed.
async fn migrate(owner: &PgPool, service: &Migrator) {
    let migrations: Vec<Migration> = ENGINE.iter().filter(|migration| migration.version <= LAST).cloned().collect();
    let mut engine = Migrator::with_migrations(migrations);
    engine.dangerous_set_table_name("_engine_migrations");
    engine.run(owner).await.expect("the engine's tables");
    service.run(owner).await.expect("the service's tables");
    sqlx::raw_sql(
        "SELECT make_partitions('inbox', current_date - 4, current_date + 1),
                make_partitions('outbox', current_date - 4, current_date + 1);
         INSERT INTO relays VALUES ('00000000-0000-0000-0000-000000000001', now());
         INSERT INTO runs VALUES ('replica-0', now(), '00000000-0000-0000-0000-000000000002')",
    )
    .execute(owner)
    .await
    .expect("what was there");
    sqlx::query(
        "INSERT INTO relay_leases SELECT n, '00000000-0000-0000-0000-000000000001', 3, now() + interval '10 seconds'
         FROM generate_series(0, $1) n",
    )
    .bind(RANGES)
    .execute(owner)
    .await
    .expect("leases");
}

/// What that build appended to its outbox; what it marked then, it had published.
async fn append(owner: &PgPool, topic: &str, key: Option<&str>, days_ago: i32, is_marked: bool) -> i64 {
    let key = key.map(str::as_bytes);
    sqlx::query_scalar(
        "INSERT INTO outbox (range, topic, key, payload, headers, created_at, published_at)
         SELECT $1, $2, $3, '{}', '[]', at, CASE WHEN $5 THEN at END
         FROM (SELECT now() - make_interval(days => $4)) AS written (at)
         RETURNING number",
    )
    .bind(range_of(topic, key, RANGES))
    .bind(topic)
    .bind(key)
    .bind(days_ago)
    .bind(is_marked)
    .fetch_one(owner)
    .await
    .expect("a row")
}

/// Kafka refused this row, so its key stopped.
async fn stop(owner: &PgPool, number: i64) {
    sqlx::query("INSERT INTO stopped_keys SELECT number, range, topic, key, 'too large' FROM outbox WHERE number = $1")
        .bind(number)
        .execute(owner)
        .await
        .expect("its key stops");
}

/// Takes whatever it is given.
#[derive(Default)]
struct Kafka(Vec<i64>);

impl EventProducer for Kafka {
    async fn publish(&mut self, rows: Vec<OutboxRow>) -> Vec<Result<(), PublishError>> {
        self.0.extend(rows.iter().map(|row| row.number));
        rows.iter().map(|_| Ok(())).collect()
    }

    async fn look_for(&mut self, _topic: &str) -> Result<(), PublishError> {
        Ok(())
    }
}

/// What a relay that was just started publishes until nothing is left to do, by number. Each look at its clock takes
/// a second.
async fn publish<S: Service>(world: &OneService<S>) -> Vec<i64> {
    let (store, mut kafka) = (world.handler().database, Kafka::default());
    let seconds = AtomicU64::new(0);
    let clock = || Duration::from_secs(seconds.fetch_add(1, Ordering::Relaxed));
    for lane in [Lane::Events, Lane::DeadLetters] {
        let pace = Pace::new(3, 1_000_000, Duration::from_secs(10));
        let mut relay = Relay::new(Uuid::now_v7(), lane, pace, Feed::new(0, 0).into());
        relay.claim(&store, TimeDelta::seconds(60)).await.expect("leases");
        loop {
            match relay.step(&store, &mut kafka, &clock).await.expect("the database is there") {
                Relayed::Nothing if relay.next_try(clock()).is_none() => break,
                Relayed::Nothing | Relayed::PassedOver { .. } => {}
                Relayed::Published { rows, marked } => assert_eq!(rows as u64, marked),
                failed @ Relayed::Failed { .. } => panic!("{failed:?}"),
            }
            assert!(clock() < Duration::from_secs(1_000), "there is no end to it");
        }
        relay.release(&store).await.expect("the leases are free");
    }
    kafka.0
}

/// Of these numbers, in the order in which they were published.
fn of(published: &[i64], numbers: &[i64]) -> Vec<i64> {
    published.iter().copied().filter(|number| numbers.contains(number)).collect()
}

/// Drops the days of the outbox that are over, as far as all of them is published.
async fn drop_days<S: Service>(world: &OneService<S>) {
    let drop = "SELECT drop_partitions('outbox', current_date - 1)";
    while sqlx::query_scalar::<_, i32>(drop).fetch_one(&world.pool).await.expect("an answer") > 0 {}
}

#[test]
fn what_has_shipped_is_not_edited() {
    let hex = |bytes: &[u8]| bytes.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>();
    let checksums: Vec<String> = ENGINE.iter().take(SHIPPED.len()).map(|migration| hex(&migration.checksum)).collect();
    assert_eq!(checksums, SHIPPED);
}

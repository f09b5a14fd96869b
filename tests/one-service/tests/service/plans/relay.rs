//! What a relay and the gauges ask of the outbox.

use choreography_core::{
    relay::{Lane, Mark, OutboxStore, Reading, Refused},
    routes::Service,
};
use choreography_postgres::{depths, stopped_keys};
use chrono::TimeDelta;
use one_service::OneService;
use uuid::Uuid;

/// The steps of a relay and what they do, and what the gauges read, whatever the service.
pub const EXPECTED: &str = "
    alive, caught_up, cleared, done_with, given_up, gone, left_behind, mine, moved, published, stopped,
    delete outbox_blocks, delete outbox_left_behind, delete relays, delete stopped_keys,
    insert discarded_messages, insert outbox, insert outbox_blocks, insert outbox_left_behind,
    insert outbox_ranges, insert relays, insert stopped_keys, read dead_messages, read deadlines, read discarded,
    read intents, read outbox, read outbox_blocks, read outbox_left_behind, read outbox_ranges, read relays,
    read stopped_keys, update outbox_ranges, update relays";

/// It publishes some rows, stops one and leaves others behind. An operator releases that one, and gives it up the
/// second time.
pub async fn relay<S: Service>(world: &OneService<S>) {
    let (store, holder, minute) = (world.handler().database, Uuid::from_u128(7), TimeDelta::seconds(60));
    let leases = OutboxStore::claim(&store, holder, Lane::Events, minute).await.expect("leases");
    let all = [leases, OutboxStore::claim(&store, holder, Lane::DeadLetters, minute).await.expect("leases")];
    let leases = all.concat();
    store.renew(holder, minute).await.expect("they are renewed");
    store.writers().await.expect("who writes");
    store.published(&leases).await.expect("how far they are published");
    let ranges = leases.iter().map(|lease| (lease.range, 0)).collect();
    let reading =
        Reading { ranges, done: vec![1_000_000], without_topics: vec!["none".into()], rows: 100, bytes: 1_000_000 };
    let found = store.unpublished(&reading).await.expect("rows");
    let rows: Vec<(i32, i64)> = found.rows.iter().map(|row| (row.range, row.number)).collect();
    let [first, rest @ ..] = &rows[..] else { panic!("{found:?}") };
    let mark = Mark {
        published: vec![*first],
        caught_up: vec![*first],
        left_behind: rest.to_vec(),
        through: vec![(first.0, first.1 - 1)],
    };
    store.mark(&leases, &mark).await.expect("it is written down");
    let refused = [Refused { range: first.0, number: first.1, error: "too large".into() }];
    assert_eq!(store.stop(&leases, &refused).await.expect("its key is stopped"), 1);
    assert!(store.release_key(first.1).await.expect("it is released"));
    assert_eq!(store.stop(&leases, &refused).await.expect("its key is stopped again"), 1);
    assert!(store.discard_refused(first.1, "it is not needed").await.expect("it is given up"));
    store.release(holder).await.expect("the leases are given back");
    depths(&world.pool).await.expect("what waits is counted");
    stopped_keys(&world.pool).await.expect("keys are counted");
    let forget = "DELETE FROM outbox_left_behind; DELETE FROM discarded_messages";
    sqlx::raw_sql(forget).execute(&world.pool).await.expect("they are gone");
}

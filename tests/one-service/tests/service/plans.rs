//! The plans of the engine's statements, made once for batches of any size: right on empty and on full tables.

use choreography_core::{
    event_id::Ids,
    participant::Answer,
    relay::{Lane, Mark, OutboxStore, Reading, Refused},
    retry::{self, Limits},
};
use chrono::TimeDelta;
use one_service::OneService;
use payment::Payment;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::events::{arrive, delivery, reserved, start};

/// The engine's and the service's tables, each with as many rows as would make a plan that reads it whole a bad one.
const FILL: &str = "
    INSERT INTO payments (order_id, state)
        SELECT 'full ' || n, 'succeeded' FROM generate_series(1, 20000) n;
    INSERT INTO inbox SELECT 'payment', (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7000'
                                         || '8' || lpad(to_hex(n), 15, '0'))::uuid FROM generate_series(1, 20000) n;
    INSERT INTO intents (id, aggregate_id, step, request, correlation_id, attempts, intended_at, not_before)
        SELECT gen_random_uuid(), 'full ' || n, 'charge', '{}', 's', 0, now(), now() + interval '1 day'
        FROM generate_series(1, 20000) n;
    INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id)
        SELECT gen_random_uuid(), 'full ' || n, 'order', now() + interval '1 day', 's' FROM generate_series(1, 20000) n;
    INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", headers, attempts, due_at, held_at)
        SELECT 'full ' || n, gen_random_uuid(), 'inventory.reserved', 'parked', 'inventory-events', 3, n, '[]', 1, now(), now()
        FROM generate_series(1, 20000) n;
    INSERT INTO outbox (range, topic, key, payload, headers)
        SELECT n % 12, 'payment-events', ('full ' || n)::bytea, 'x', '[]' FROM generate_series(1, 20000) n;
    INSERT INTO outbox_left_behind SELECT number, range, topic, key FROM outbox WHERE number % 2 = 0;
    INSERT INTO stopped_keys SELECT number, range, topic, key, 'too large' FROM outbox_left_behind WHERE number % 4 = 0;
    INSERT INTO outbox_blocks SELECT range, 1, ARRAY[number], number FROM outbox WHERE number % 2 = 1;
    ANALYZE";

/// Batches of every kind: new events and repeats, an answer that is taken and one that is refused, junk, a retry.
async fn work(world: &OneService<Payment>, order: u128) {
    let (_, event) = reserved(order, order as i64);
    arrive(world, &[event.clone(), delivery(1_000 + order as i64, "k", b"junk".to_vec())]).await;
    arrive(world, &[event]).await;
    let open = "SELECT id FROM intents WHERE aggregate_id = $1";
    let key = Uuid::from_u128(order).to_string();
    let id: Uuid = sqlx::query_scalar(open).bind(key).fetch_one(&world.pool).await.expect("a call");
    let call = world.door().database.open_call(id).await.expect("the database is there").expect("an open call");
    world.answered(&call, Answer::Yes { detail: "ch_1".into() }).await;
    world.answered(&call, Answer::No { reason: "again".into() }).await;
    let (door, limits) = (world.door(), Limits { keys: 10, per_key: 10, bytes: 1_000_000 });
    retry::step(&door, &door.database, &mut Ids::new(), limits, false).await.expect("the database is there");
    relay(world).await;
}

/// What a relay asks of the outbox: it publishes some rows, stops one and leaves others behind.
async fn relay(world: &OneService<Payment>) {
    let (store, holder) = (world.door().database, Uuid::from_u128(7));
    let leases = OutboxStore::claim(&store, holder, Lane::Events, TimeDelta::seconds(60)).await.expect("leases");
    let all =
        [leases, OutboxStore::claim(&store, holder, Lane::DeadLetters, TimeDelta::seconds(60)).await.expect("leases")];
    let leases = all.concat();
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
    let refused = Refused { range: first.0, number: first.1, error: "too large".into() };
    assert_eq!(store.stop(&leases, &[refused]).await.expect("its key is stopped"), 1);
    assert!(store.release_key(first.1).await.expect("it is released"));
    sqlx::query("DELETE FROM outbox_left_behind").execute(&world.pool).await.expect("they are gone");
}

/// What reads a table whole, or all of an index.
async fn read_whole(world: &OneService<Payment>) -> Vec<String> {
    let mut session = world.pool.session().await.expect("a connection");
    let statements: Vec<String> = sqlx::query_scalar(
        "SELECT statement FROM pg_prepared_statements
         WHERE (statement LIKE '%FOR UPDATE%' OR statement LIKE '%INSERT%' OR statement LIKE '%DELETE%'
                OR statement LIKE '%outbox%') AND statement <> 'DELETE FROM outbox_left_behind'",
    )
    .fetch_all(&mut session)
    .await
    .expect("statements");
    assert!(statements.len() >= 5, "{statements:?}");
    let mut wrong = Vec::new();
    for statement in statements {
        let explain = AssertSqlSafe(format!("EXPLAIN (GENERIC_PLAN, COSTS OFF) {statement}"));
        let plan = sqlx::raw_sql(explain).fetch_all(&mut session).await.expect(&statement);
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        for (line, next) in plan.iter().zip(plan.iter().skip(1).map(String::as_str).chain([""])) {
            // A few rows, whatever happens: one for each replica or key range, and a sequence.
            if [" on relays", " on outbox_ranges", " on outbox_number"].iter().any(|small| line.contains(small)) {
                continue;
            }
            let whole =
                ["Seq Scan on", "Hash Join", "Merge Join", "Bitmap Heap Scan"].iter().any(|how| line.contains(how));
            let unbound = (line.contains("Index Scan using") || line.contains("Index Only Scan using"))
                && !next.contains("Index Cond");
            if whole || unbound {
                wrong.push(format!("{}\nin\n{statement}\n{}", line.trim(), plan.join("\n")));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn no_statement_reads_a_table_whole_be_it_empty_or_full() {
    let world = start().await;
    work(&world, 1).await;
    let wrong = read_whole(&world).await;
    assert!(wrong.is_empty(), "on empty tables:\n{}", wrong.join("\n\n"));
    sqlx::raw_sql(FILL).execute(&world.pool).await.expect("full tables");
    work(&world, 2).await;
    let wrong = read_whole(&world).await;
    assert!(wrong.is_empty(), "on full tables:\n{}", wrong.join("\n\n"));
}

//! Payment: its outbox with stopped keys, its open calls, its deferred events, and what its inbox knows.

use choreography_core::{
    calls::{CallStore, answered},
    delivery::{Delivery, Position},
    event_id::Ids,
    input::Verdict::{Applied, Dead, Deferred, Repeat},
    participant::Answer,
    retry::{self, Limits},
    store::{Crashes, Database as _, DeferredStatus::Queued, OutboxMessage, Stage, Writing},
};
use chrono::TimeDelta;
use contracts::{ShippingCancelled, ShippingFailed};
use one_service::OneService;
use payment::{MIGRATIONS, Payment};
use sqlx::PgPool;
use uuid::Uuid;

use super::{append, drop_days, migrate, of, publish, stop};
use crate::events::{arrive, delivery, early_id, published, reserved, reserved_as};

const TOPIC: &str = "payment-events";
const DEAD: &str = "inventory-events.dlq";

fn order(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

async fn run(owner: &PgPool, statement: &'static str) {
    sqlx::raw_sql(statement).execute(owner).await.expect(statement);
}

async fn after(past: impl AsyncFnOnce(&PgPool)) -> OneService<Payment> {
    let whole = async |owner: &PgPool| {
        migrate(owner, &MIGRATIONS).await;
        past(owner).await;
    };
    OneService::start_after(whole, Payment, &MIGRATIONS).await
}

/// Appends an event as today's build does.
async fn append_now(world: &OneService<Payment>, key: &str) -> i64 {
    let message = OutboxMessage {
        topic: TOPIC.into(),
        key: Some(key.as_bytes().to_vec()),
        payload: Some(b"{}".to_vec()),
        headers: Vec::new(),
        nth: None,
    };
    world.write(Writing { messages: vec![message], ..Writing::default() }).await.expect("a row");
    world.count("SELECT max(number) FROM outbox").await
}

#[tokio::test]
async fn what_was_not_marked_is_published_once_and_in_order_and_stopped_keys_stay_stopped() {
    let mut rows = Vec::new();
    let world = after(async |owner| {
        let a = Some("a");
        for (topic, key, days_ago, is_marked) in [
            (TOPIC, a, 3, true),
            (TOPIC, Some("b"), 3, false),
            (TOPIC, Some("stopped"), 3, false),
            (TOPIC, a, 3, false),
            (TOPIC, Some("b"), 0, false),
            (TOPIC, Some("stopped"), 0, false),
            (TOPIC, a, 0, false),
            (TOPIC, Some("c"), 0, true),
            // Of dead letters some have no key: each of those stops alone.
            (DEAD, None, 0, false),
            (DEAD, None, 0, false),
            (DEAD, a, 0, false),
        ] {
            rows.push(append(owner, topic, key, days_ago, is_marked).await);
        }
        stop(owner, rows[2]).await;
        stop(owner, rows[8]).await;
    })
    .await;
    let first = publish(&world).await;
    assert_eq!(of(&first, &[rows[3], rows[6]]), [rows[3], rows[6]], "{first:?}");
    assert_eq!(of(&first, &[rows[1], rows[4]]), [rows[1], rows[4]], "{first:?}");
    assert_eq!(of(&first, &rows[8..]), rows[9..], "{first:?}");
    assert_eq!(first.len(), 6, "what was marked, or is stopped, does not appear: {first:?}");
    assert_eq!(publish(&world).await, [0_i64; 0], "by no replica once more");

    let (behind, free) = (append_now(&world, "stopped").await, append_now(&world, "a").await);
    assert_eq!(publish(&world).await, [free], "what comes behind a stopped one waits");
    let store = world.handler().database;
    assert!(store.release_key(rows[2]).await.expect("an answer"));
    assert!(store.discard_refused(rows[8], "it is not needed").await.expect("an answer"));
    assert_eq!(publish(&world).await, [rows[2], rows[5], behind]);
    assert_eq!(publish(&world).await, [0_i64; 0]);
    assert_eq!(choreography_postgres::depths(&world.pool).await.expect("depths").outbox, 0);
    drop_days(&world).await;
    assert_eq!(world.count("SELECT min(number) FROM outbox").await, rows[4], "a day of which all is published goes");
}

#[tokio::test]
async fn a_day_stays_that_has_something_to_publish_still() {
    let world = after(async |owner| {
        append(owner, TOPIC, Some("a"), 3, false).await;
        append(owner, TOPIC, Some("stopped"), 3, false).await;
        stop(owner, 2).await;
    })
    .await;
    let rows = "SELECT count(*) FROM outbox";
    drop_days(&world).await;
    assert_eq!(world.count(rows).await, 2);
    assert_eq!(publish(&world).await, [1]);
    drop_days(&world).await;
    assert_eq!(world.count(rows).await, 2, "one is stopped");
    assert!(world.handler().database.release_key(2).await.expect("an answer"));
    assert_eq!(publish(&world).await, [2]);
    drop_days(&world).await;
    assert_eq!(world.count(rows).await, 0);
}

/// Replicas of that build live on for a while, and their operators with them.
#[tokio::test]
async fn what_an_operator_gives_up_there_keeps_nothing_behind_it() {
    let world = after(async |owner| {
        for _ in 0..2 {
            append(owner, TOPIC, Some("stopped"), 0, false).await;
        }
        stop(owner, 1).await;
    })
    .await;
    assert_eq!(publish(&world).await, [0_i64; 0]);
    let give_up = "WITH gone AS (DELETE FROM stopped_keys RETURNING range, number)
                   UPDATE outbox SET published_at = now() FROM gone
                   WHERE outbox.range = gone.range AND outbox.number = gone.number";
    sqlx::query(give_up).execute(&world.pool).await.expect("it is given up");
    assert_eq!(publish(&world).await, [2]);
    let new = append_now(&world, "stopped").await;
    assert_eq!(publish(&world).await, [new]);
    assert_eq!(choreography_postgres::depths(&world.pool).await.expect("depths").outbox, 0);
    let swept = choreography_postgres::sweep(&world.pool, TimeDelta::days(20)).await.expect("it is swept");
    assert_eq!((swept, world.count("SELECT count(*) FROM outbox_left_behind").await), (1, 0));
}

#[tokio::test]
async fn open_calls_are_called_and_answered_once() {
    let world = after(async |owner| {
        run(
            owner,
            r#"INSERT INTO payments VALUES
                   ('00000000-0000-0000-0000-000000000001', 'capturing',
                    '{"amount":200,"currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}]}', NULL),
                   ('00000000-0000-0000-0000-000000000002', 'refunding',
                    '{"amount":200,"currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}]}', 'ch_2');
               INSERT INTO intents (id, aggregate_id, step, request, correlation_id, attempts, intended_at, not_before)
               VALUES
                   (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'charge',
                    '{"amount":200,"currency":"EUR","paymentMethod":null}', 's1', 0, now(), now()),
                   (gen_random_uuid(), '00000000-0000-0000-0000-000000000002', 'refund',
                    '{"chargeId":"ch_2","amount":200,"currency":"EUR"}', 's2', 2, now(), now() - interval '1 second')"#,
        )
        .await;
    })
    .await;
    let store = world.handler().database;
    let claim = || CallStore::claim(&store, 10, 1_000_000, TimeDelta::seconds(60));
    let mut claimed = claim().await.expect("calls");
    claimed.sort_by(|one, other| one.call.step.cmp(&other.call.step));
    let keys: Vec<_> = claimed.iter().map(|call| (call.call.idempotency_key(), call.call.attempts)).collect();
    assert_eq!(keys, [(order(1) + "/charge", 1), (order(2) + "/refund", 3)]);
    assert!(claim().await.expect("calls").is_empty(), "each by one");
    for call in claimed {
        let answer = world.handle(answered(&call.call, Answer::Yes { detail: "done".into() })).await;
        assert!(matches!(answer.verdicts[..], [Some(Applied(None))]), "{:?}", answer.verdicts);
    }
    assert_eq!(world.texts("SELECT state FROM payments ORDER BY order_id").await, ["succeeded", "refunded"]);
    assert_eq!(world.published().await, ["payment.succeeded", "payment.refunded"]);
    assert_eq!(world.count("SELECT count(*) FROM intents").await, 0);
}

/// A deferred event as that build wrote it.
async fn defer(owner: &PgPool, (id, event): &(Uuid, Delivery), event_type: &str, status: &str, early: bool) {
    sqlx::query(
        "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", message_key, payload,
                                  headers, attempts, due_at, held_at, early)
         VALUES (convert_from($1, 'UTF8'), $2, $3, $4, $5, 3, $6, $1, $7, '[]', 1, now(), now(), $8)",
    )
    .bind(event.key.as_deref())
    .bind(id)
    .bind(event_type)
    .bind(status)
    .bind(&*event.position.topic)
    .bind(event.position.offset)
    .bind(event.payload.as_deref())
    .bind(early)
    .execute(owner)
    .await
    .expect("it is deferred");
}

const RESERVED: &str = "inventory.reserved";

#[tokio::test]
async fn held_events_go_on_in_their_order_and_parked_ones_wait() {
    let cancelled = ShippingCancelled { order_id: Uuid::from_u128(1), reason: "requested".into() };
    let cancel_id = Uuid::now_v7();
    let cancelled = (cancel_id, published(cancel_id, &cancelled, 2));
    let failed = ShippingFailed { order_id: Uuid::from_u128(3), reason: "no carrier".into() };
    let failed = published(Uuid::now_v7(), &failed, 4);
    let (first, parked, in_time) = (reserved(1, 1), reserved(3, 3), reserved(4, 4));
    let early = early_id();
    let early = (early, reserved_as(early, 5, 5));
    let world = after(async |owner| {
        // Rows of keys were there before their rules had run.
        run(
            owner,
            "INSERT INTO payments (order_id, state)
             SELECT '00000000-0000-0000-0000-00000000000' || n, 'none' FROM generate_series(1, 3) n",
        )
        .await;
        defer(owner, &first, RESERVED, "retrying", false).await;
        defer(owner, &cancelled, "shipping.cancelled", "queued", false).await;
        defer(owner, &parked, RESERVED, "parked", false).await;
        defer(owner, &in_time, RESERVED, "retrying", true).await;
        defer(owner, &early, RESERVED, "retrying", true).await;
        sqlx::query("INSERT INTO inbox SELECT 'payment', unnest($1::uuid[])")
            .bind(vec![first.0, cancelled.0, parked.0])
            .execute(owner)
            .await
            .expect("they are known");
    })
    .await;
    let (handler, limits) = (world.handler(), Limits { keys: 10, per_key: 10, bytes: 1_000_000 });
    for round in 0..2 {
        let retried = retry::step(&handler, &handler.database, &mut Ids::new(), limits, false).await;
        let verdicts = retried.expect("the database is there").verdicts;
        let applied = verdicts.iter().filter(|verdict| matches!(verdict, Some(Applied(None)))).count();
        assert_eq!(applied, if round == 0 { 3 } else { 0 }, "{verdicts:?}");
    }
    let states = world.texts("SELECT right(order_id, 1) || ' ' || state FROM payments ORDER BY order_id").await;
    assert_eq!(states, ["1 capturing_undo", "2 none", "3 none", "4 capturing"]);
    let calls = "SELECT right(aggregate_id, 1) || ' ' || coalesce(request::jsonb->>'cancel', 'false') FROM intents
                 ORDER BY 1";
    assert_eq!(world.texts(calls).await, ["1 true", "4 false"]);
    assert_eq!(world.texts("SELECT right(key, 1) FROM held_events ORDER BY number").await, ["3", "5"]);
    // Repeats have no effect. What is new of a parked key queues. A row without a state is as none.
    let verdicts = arrive(&world, &[first.1, in_time.1, reserved(3, 9).1, failed, reserved(2, 10).1]).await;
    assert!(matches!(verdicts[..], [Repeat, Repeat, Deferred(Queued), Deferred(_), Applied(None)]), "{verdicts:?}");
    let states = world.texts("SELECT right(order_id, 1) || ' ' || state FROM payments ORDER BY order_id").await;
    assert_eq!(states, ["1 capturing_undo", "2 capturing", "3 none", "4 capturing"]);
}

#[tokio::test]
async fn what_was_dead_or_crashed_over_is_known() {
    let junk = delivery(7, "k", b"junk".to_vec());
    let world = after(async |owner| {
        run(
            owner,
            "INSERT INTO dead_messages (topic, partition, \"offset\", digest, message_key, payload, headers,
                                        error_class, error_message, dead_at)
             VALUES ('inventory-events', 3, 7, md5('k'::bytea || '\\x00'::bytea || 'junk'::bytea), 'k', 'junk', '[]',
                     'envelope', 'no', now());
             INSERT INTO messages_under_way (topic, partition, \"offset\", run, stage, begun_at)
             VALUES ('inventory-events', 3, 8, '00000000-0000-0000-0000-000000000002', 1, now())",
        )
        .await;
    })
    .await;
    let verdicts = arrive(&world, &[junk]).await;
    assert!(matches!(verdicts[..], [Dead]), "{verdicts:?}");
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 0, "it was dead-lettered then");
    let database = world.handler().database;
    assert!(database.start_run("replica-0", TimeDelta::days(20)).await.expect("it runs"), "the one before crashed");
    let at = Position { topic: "inventory-events".into(), partition: 3, offset: 8 };
    let crashes = database.crashes(&[at]).await.expect("an answer");
    assert_eq!(crashes, [Crashes { times: 1, stage: Stage::Decoded }]);
}

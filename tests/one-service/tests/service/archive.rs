//! Which rows may be archived, which stay, and what a crash in between leaves.

use std::io;

use choreography_core::participant::Participant as _;
use choreography_postgres::{ArchiveError, FinishedRows, Keep, OldRecords};
use chrono::{DateTime, Utc};
use inventory::{Inventory, MIGRATIONS};
use one_service::OneService;

/// Reservations with the keys' times a year ago but for the last, each in its state.
const RESERVATIONS: &str = "
    INSERT INTO reservations (order_id, state)
    SELECT overlay(uuid7_floor(now() - age)::text PLACING '7' FROM 15), state FROM (VALUES
        (interval '401 days', 'shipped'), (interval '402 days', 'released'), (interval '403 days', 'reserved'),
        (interval '404 days', 'rejected'), (interval '405 days', 'rejected'), (interval '406 days', 'rejected'),
        (interval '399 days', 'shipped')) AS old (age, state)
    UNION ALL VALUES ('not a UUID', 'shipped')";

/// Something of the rows of 404, 405 and 406 days is still to come.
const WAITING: [&str; 3] = [
    "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", headers, attempts, due_at, held_at)
     SELECT overlay(uuid7_floor(now() - interval '404 days')::text PLACING '7' FROM 15), gen_random_uuid(), 'order.placed', 'parked', 'order-events', 0, 1,
     '[]', 1, now(), now()",
    "INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id)
     SELECT gen_random_uuid(), overlay(uuid7_floor(now() - interval '405 days')::text PLACING '7' FROM 15), 'late', now(), 's'",
    "INSERT INTO intents (id, aggregate_id, step, request, correlation_id, attempts, intended_at, not_before)
     SELECT gen_random_uuid(), overlay(uuid7_floor(now() - interval '406 days')::text PLACING '7' FROM 15), 'charge', '{}', 's', 1, now(), now()",
];

const LEDGER: &str = "
    INSERT INTO stock_ledger (sku, order_id, change, available, reserved, shipped, at)
    SELECT sku, order_id, change, available, reserved, shipped, now() - age FROM (VALUES
        ('chair', NULL, 'set', 10, 0, 0, interval '500 days'),
        ('chair', 'gone', 'reserve', -2, 2, 0, interval '401 days'),
        ('chair', 'gone', 'ship', 0, -2, 2, interval '401 days'),
        ('lamp', 'gone', 'reserve', -1, 1, 0, interval '401 days'),
        ('chair', 'not a UUID', 'reserve', -3, 3, 0, interval '401 days'),
        ('chair', 'gone too', 'reserve', -1, 1, 0, interval '399 days')
    ) AS old (sku, order_id, change, available, reserved, shipped, age)";

async fn world() -> (OneService<Inventory>, DateTime<Utc>) {
    let world = OneService::start(Inventory, &MIGRATIONS).await;
    // The times of one transaction.
    let mut setting_up = world.pool.begin().await.unwrap();
    for statement in [RESERVATIONS].into_iter().chain(WAITING).chain([LEDGER]) {
        sqlx::query(statement).execute(&mut setting_up).await.unwrap();
    }
    let before = sqlx::query_scalar("SELECT now() - interval '400 days'").fetch_one(&mut setting_up).await.unwrap();
    setting_up.commit().await.unwrap();
    (world, before)
}

/// How many days old the reservations are that are left, and which have no age.
async fn left(world: &OneService<Inventory>) -> Vec<String> {
    let query = "SELECT CASE WHEN order_id ~ '^0' THEN
                     (SELECT age::text FROM generate_series(399, 406) AS age
                      ORDER BY abs(extract(epoch FROM now() - age * interval '1 day') * 1000
                                   - ('x' || left(replace(order_id, '-', ''), 12))::bit(48)::bigint) LIMIT 1)
                 ELSE order_id END FROM reservations ORDER BY 1";
    sqlx::query_scalar(query).fetch_all(&world.pool).await.unwrap()
}

fn finished(world: &OneService<Inventory>, before: DateTime<Utc>) -> FinishedRows<'_> {
    let routed = world.participant();
    FinishedRows { aggregates: routed.aggregate_table(), finished: routed.archive().finished.as_ref().unwrap(), before }
}

#[tokio::test]
async fn rows_of_finished_sagas_go_once_they_are_kept_and_others_stay() {
    let (world, before) = world().await;
    let rows = finished(&world, before);
    let counted = rows.page(&world.pool, "", Keep::Nothing).await.unwrap().unwrap();
    assert_eq!((counted.rows, left(&world).await.len()), (2, 8), "counting deletes nothing");

    let mut full = |_: &[String]| Err(io::Error::other("the disk is full"));
    let failed = rows.page(&world.pool, "", Keep::In(&mut full)).await;
    assert!(matches!(failed, Err(ArchiveError::NotKept(_))), "{failed:?}");
    assert_eq!(left(&world).await.len(), 8, "what was not kept is still there");

    let mut kept = Vec::new();
    let mut keep = |lines: &[String]| {
        kept.extend_from_slice(lines);
        Ok(())
    };
    let page = rows.page(&world.pool, "", Keep::In(&mut keep)).await.unwrap().unwrap();
    assert_eq!(rows.page(&world.pool, &page.last, Keep::In(&mut keep)).await.unwrap(), None);
    let states: Vec<serde_json::Value> = kept.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        states.iter().map(|line| line["row"]["state"].as_str().unwrap()).collect::<Vec<_>>(),
        ["released", "shipped"]
    );
    assert!(states.iter().all(|line| line["table"] == "reservations"), "{kept:?}");
    assert_eq!(left(&world).await, ["399", "403", "404", "405", "406", "not a UUID"]);
}

#[tokio::test]
async fn a_row_that_another_session_has_locked_is_left_for_later() {
    let (world, before) = world().await;
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM reservations WHERE state = 'released' FOR UPDATE").execute(&mut other).await.unwrap();
    let rows = finished(&world, before);
    assert_eq!(rows.page(&world.pool, "", Keep::In(&mut |_| Ok(()))).await.unwrap().unwrap().rows, 1);
    other.commit().await.unwrap();
    assert_eq!(rows.page(&world.pool, "", Keep::In(&mut |_| Ok(()))).await.unwrap().unwrap().rows, 1);
}

#[tokio::test]
async fn records_leave_their_sums_behind_and_stay_as_long_as_their_row_does() {
    let (world, before) = world().await;
    let routed = world.participant();
    let [records] = &routed.archive().records[..] else { panic!("{} has one ledger", routed.name()) };
    let rows = OldRecords { aggregates: routed.aggregate_table(), records, before };
    let sums = "SELECT sku, sum(available)::bigint, sum(reserved)::bigint, sum(shipped)::bigint
                FROM stock_ledger GROUP BY sku ORDER BY sku";
    let expected: Vec<(String, i64, i64, i64)> = vec![("chair".into(), 4, 4, 2), ("lamp".into(), -1, 1, 0)];
    let sums = async || -> Vec<(String, i64, i64, i64)> { sqlx::query_as(sums).fetch_all(&world.pool).await.unwrap() };
    assert_eq!(sums().await, expected);
    let page = rows.page(&world.pool, i64::MIN, Keep::In(&mut |_| Ok(()))).await.unwrap().unwrap();
    assert_eq!(page.rows, 3);
    assert_eq!(sums().await, expected);
    let lines = "SELECT change || ' ' || coalesce(order_id, '-') FROM stock_ledger ORDER BY number";
    let lines = async || -> Vec<String> { sqlx::query_scalar(lines).fetch_all(&world.pool).await.unwrap() };
    let left = ["set -", "reserve not a UUID", "reserve gone too", "carried -", "carried -"];
    assert_eq!(lines().await, left, "one set by hand, one whose row is there, a young one, and a sum for each SKU");

    sqlx::query("DELETE FROM reservations WHERE order_id = 'not a UUID'").execute(&world.pool).await.unwrap();
    assert_eq!(rows.page(&world.pool, i64::MIN, Keep::In(&mut |_| Ok(()))).await.unwrap().unwrap().rows, 1);
    assert_eq!(sums().await, expected);
    assert_eq!(lines().await, ["set -", "reserve gone too", "carried -", "carried -"], "sums are added to sums");
}

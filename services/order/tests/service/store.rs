//! Order's rows on a real PostgreSQL.

use std::time::Duration;

use choreography_core::{
    AnyRow, Row as _,
    routes::TableId,
    store::{StoreError, TableChanges, Writing},
};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{Address, OrderDetails};
use one_service::OneService;
use order::{
    MIGRATIONS, Order,
    order_row::{HistoryEntry, OrderRow, Status},
    request::Request,
    store::forget_requests,
};

use crate::samples;

const TABLE: TableId = TableId(OrderRow::TABLE);

const ORDER: Order = Order { deadline: Duration::from_secs(900) };

fn details(everything: bool) -> OrderDetails {
    let address = Address {
        name: "Ada".into(),
        line1: "1 \"Road\" \\ {x,NULL}".into(),
        line2: Some("2nd floor".into()),
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    };
    OrderDetails {
        payment_method: everything.then(|| "tok_visa".into()),
        shipping_address: everything.then_some(address),
        sealed_address: everything.then(|| "sealed".into()),
        ..samples::details()
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn order(status: Status, everything: bool, updated_at: DateTime<Utc>) -> OrderRow {
    OrderRow { status, updated_at, ..OrderRow::placed(details(everything), at(0)) }
}

#[tokio::test]
async fn orders_come_back_as_they_were_written_and_what_was_ordered_is_never_changed() {
    let world = OneService::start(ORDER, &MIGRATIONS).await;
    let orders = Status::ALL.iter().enumerate();
    world.keeps(orders.map(|(place, status)| order(*status, place % 2 == 0, at(1))).collect()).await;

    let placed = vec![("o1".to_owned(), AnyRow::new(order(Status::Pending, true, at(1))))];
    let written = |changes| Writing { tables: vec![changes], ..Writing::default() };
    let insert = TableChanges { fresh: placed, ..TableChanges::none(TABLE) };
    assert!(world.write(written(insert)).await.unwrap().is_nothing());
    let updates = vec![("o1".to_owned(), AnyRow::new(order(Status::Completed, false, at(2))))];
    let update = TableChanges { updates, ..TableChanges::none(TABLE) };
    assert!(world.write(written(update)).await.unwrap().is_nothing());
    let kept = world.rows(TABLE, &["o1".to_owned()]).await;
    assert_eq!(kept[0].1.get(), Some(&order(Status::Completed, true, at(2))));
    let again = vec![("o1".to_owned(), AnyRow::new(order(Status::Pending, true, at(1))))];
    let insert = TableChanges { fresh: again, ..TableChanges::none(TABLE) };
    assert!(matches!(world.write(written(insert)).await, Err(StoreError::Data(_))));
}

#[tokio::test]
async fn a_request_key_is_answered_for_as_long_as_it_is_kept() {
    let world = OneService::start(ORDER, &MIGRATIONS).await;
    let now: DateTime<Utc> =
        sqlx::query_scalar("SELECT date_trunc('second', now())").fetch_one(&world.pool).await.unwrap();
    let request = |ago| Request {
        body_hash: Some(vec![0, 255, 7]),
        order_id: Some("o1".into()),
        at: now - TimeDelta::seconds(ago),
    };
    let rows: Vec<(String, AnyRow)> = [("ada\u{1f}1", 3_600), ("ada\u{1f}2", 60)]
        .map(|(key, ago)| (key.to_owned(), AnyRow::new(request(ago))))
        .into();
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    let table = TableId(Request::TABLE);
    let insert = || TableChanges { inserts: rows.clone(), ..TableChanges::none(table) };
    let written = |changes| Writing { tables: vec![changes], ..Writing::default() };
    assert!(world.write(written(insert())).await.unwrap().is_nothing());
    assert_eq!(world.write(written(insert())).await.unwrap().changed, keys, "they are there by now");
    assert_eq!(world.rows(table, &keys).await, rows);

    assert_eq!(forget_requests(&world.pool, Duration::from_secs(600)).await.unwrap(), 1);
    assert_eq!(world.rows(table, &keys).await, rows[1..]);
}

#[tokio::test]
async fn the_history_is_kept_in_its_order() {
    let world = OneService::start(ORDER, &MIGRATIONS).await;
    let entry = |status, reason: &str, seconds| HistoryEntry {
        order_id: "o1".into(),
        status,
        reason: reason.into(),
        at: at(seconds),
    };
    let steps = [entry(Status::Pending, "placed", 1), entry(Status::Cancelled, "rejected: \"none\"", 2)];
    world.appends(steps.to_vec()).await.unwrap();
    let found: Vec<(String, String, DateTime<Utc>)> =
        sqlx::query_as("SELECT status, reason, at FROM order_history WHERE order_id = 'o1' ORDER BY number")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let written = steps.map(|step| (step.status.word().to_owned(), step.reason, step.at));
    assert_eq!(found, written);
}

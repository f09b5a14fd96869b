//! Order's SQL on a real PostgreSQL.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::Address;
use engine::postgres::Tables;
use one_service::OneService;
use order::{
    MIGRATIONS, Order,
    state::{Details, HistoryEntry, OrderRow, Request, Row, Status, Table},
    store::forget_requests,
};

use crate::given;

const ORDER: Order = Order { deadline: Duration::from_secs(900) };
const STATES: [Status; 4] = [Status::Pending, Status::Cancelling, Status::Completed, Status::Cancelled];

fn details(everything: bool) -> Details {
    let address = Address {
        name: "Ada".into(),
        line1: "1 \"Road\" \\ {x,NULL}".into(),
        line2: Some("2nd floor".into()),
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    };
    Details {
        payment_method: everything.then(|| "tok_visa".into()),
        shipping_address: everything.then_some(address),
        ..given::details()
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn order(status: Status, everything: bool, updated_at: DateTime<Utc>) -> Row {
    Row::Order(OrderRow { status, details: Some(Box::new(details(everything))), created_at: at(0), updated_at })
}

fn request(order: &str, at: DateTime<Utc>) -> Row {
    Row::Request(Some(Request { body_hash: vec![0, 255, 7], order_id: order.into(), at }))
}

fn keys(rows: &[(String, Row)]) -> Vec<String> {
    rows.iter().map(|(key, _)| key.clone()).collect()
}

#[tokio::test]
async fn orders_come_back_as_they_were_written() {
    let world = OneService::start(ORDER, &MIGRATIONS).await;
    let db = &mut world.pool.session().await.unwrap();
    let placed: Vec<(String, Row)> = (0..STATES.len())
        .map(|number| (format!("o{number}"), order(Status::Pending, number % 2 == 0, at(1))))
        .collect();
    ORDER.insert(db, Table::Orders, &placed).await.unwrap();
    assert_eq!(ORDER.lock(db, Table::Orders, &keys(&placed)).await.unwrap(), placed);

    let changed: Vec<(String, Row)> = (0..)
        .zip(STATES)
        .map(|(number, status)| (format!("o{number}"), order(status, number % 2 == 0, at(2))))
        .collect();
    ORDER.update(db, Table::Orders, &changed).await.unwrap();
    ORDER.ensure(db, Table::Orders, &keys(&changed)).await.unwrap();
    assert_eq!(ORDER.lock(db, Table::Orders, &keys(&changed)).await.unwrap(), changed, "what is there stays");

    ORDER.ensure(db, Table::Orders, &["p1".to_owned()]).await.unwrap();
    let absent = ORDER.lock(db, Table::Orders, &["p1".to_owned()]).await.unwrap();
    assert!(
        matches!(&absent[..], [(_, Row::Order(OrderRow { status: Status::None, details: None, .. }))]),
        "{absent:?}"
    );
    ORDER.insert(db, Table::Orders, &placed[..1]).await.unwrap_err();
}

#[tokio::test]
async fn a_request_key_is_answered_for_as_long_as_it_is_kept() {
    let world = OneService::start(ORDER, &MIGRATIONS).await;
    let db = &mut world.pool.session().await.unwrap();
    let now: DateTime<Utc> =
        sqlx::query_scalar("SELECT date_trunc('second', now())").fetch_one(&mut *db).await.unwrap();
    let rows: Vec<(String, Row)> = [("ada\u{1f}1", 3_600), ("ada\u{1f}2", 60)]
        .map(|(key, ago)| (key.to_owned(), request("o1", now - TimeDelta::seconds(ago))))
        .into();
    ORDER.ensure(db, Table::Requests, &keys(&rows)).await.unwrap();
    let absent = ORDER.lock(db, Table::Requests, &keys(&rows)).await.unwrap();
    assert!(absent.iter().all(|(_, row)| *row == Row::Request(None)), "{absent:?}");
    ORDER.update(db, Table::Requests, &rows).await.unwrap();
    ORDER.ensure(db, Table::Requests, &keys(&rows)).await.unwrap();
    assert_eq!(ORDER.lock(db, Table::Requests, &keys(&rows)).await.unwrap(), rows);

    assert_eq!(forget_requests(&world.pool, Duration::from_secs(600)).await.unwrap(), 1);
    assert_eq!(ORDER.lock(db, Table::Requests, &keys(&rows)).await.unwrap(), rows[1..]);
}

#[tokio::test]
async fn the_history_is_kept_in_its_order() {
    let world = OneService::start(ORDER, &MIGRATIONS).await;
    let db = &mut world.pool.session().await.unwrap();
    let entry = |status, reason: &str, seconds| HistoryEntry {
        order_id: "o1".into(),
        status,
        reason: reason.into(),
        at: at(seconds),
    };
    let steps = [entry(Status::Pending, "placed", 1), entry(Status::Cancelled, "rejected: \"none\"", 2)];
    ORDER.append(db, &steps).await.unwrap();
    let found: Vec<(String, String, DateTime<Utc>)> =
        sqlx::query_as("SELECT status, reason, at FROM order_history WHERE order_id = 'o1' ORDER BY number")
            .fetch_all(db)
            .await
            .unwrap();
    let written = steps.map(|step| (step.status.text().to_owned(), step.reason, step.at));
    assert_eq!(found, written);
}

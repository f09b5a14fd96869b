//! What an operator discards has no effect any more, on a real PostgreSQL.

use axum::http::StatusCode;
use choreography_core::{
    delivery::{Delivery, Position},
    event_id::{IdSource, Ids},
    handler::Progress,
    input::{Inbound, Unread, Verdict},
    routes::AnyReply,
};
use chrono::{DateTime, TimeDelta, Utc};
use one_service::{OneService, ServiceHandler, call};
use payment::{MIGRATIONS, Payment};
use uuid::Uuid;

const ORDER: Uuid = Uuid::from_u128(1);

/// Stock was reserved, by a clock that stood at `at`.
fn reserved(at: DateTime<Utc>) -> Delivery {
    let id = Ids::new().next(at);
    let payload = format!(
        r#"{{"id":"{id}","type":"inventory.reserved","version":1,"timestamp":"2026-08-01T10:00:00Z",
            "correlationId":"{ORDER}","aggregateId":"{ORDER}",
            "payload":{{"orderId":"{ORDER}","userId":"ada","totalAmount":100,"currency":"EUR",
                        "items":[{{"sku":"chair","quantity":1,"price":100}}]}}}}"#
    );
    Delivery {
        position: Position { topic: "inventory-events".into(), partition: 0, offset: 1 },
        key: Some(ORDER.to_string().into_bytes()),
        payload: Some(payload.into_bytes().into()),
        headers: Vec::new(),
    }
}

async fn arrive(handler: &ServiceHandler, event: &Delivery) -> Verdict<AnyReply> {
    let mut progress = Progress::new(1);
    let mut inbound = [Inbound::Unread(Unread::Message(event.clone()))];
    handler.handle_isolating(&mut Ids::new(), &mut inbound, &mut progress).await.unwrap();
    progress.verdicts.pop().flatten().unwrap()
}

async fn discard(world: &OneService<Payment>, number: i64) -> StatusCode {
    let json = ("content-type", "application/json");
    let path = format!("/deferred/{number}/discard");
    call(&world.admin(), "POST", &path, &[json], r#"{"reason":"their clock was wrong"}"#).await.status
}

/// `ahead` lies within the horizon of the test's service, which is a day, or far beyond the days that are made ahead.
async fn an_early_event_that_was_discarded_is_over(ahead: TimeDelta) {
    let world = OneService::start(Payment, &MIGRATIONS).await;
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(&world.pool).await.unwrap();
    let event = reserved(now + ahead);
    let mut handler = world.handler();
    handler.policy.window.horizon = TimeDelta::days(30);
    assert_eq!(arrive(&handler, &event).await.name(), "retrying");
    assert_eq!(discard(&world, 1).await, StatusCode::OK);
    assert_eq!(arrive(&handler, &event).await.name(), "repeated", "before its time");
    // Its time has come, by a service that allows for such clocks.
    handler.policy.window.skew = ahead;
    assert_eq!(arrive(&handler, &event).await.name(), "repeated");
    assert_eq!(world.count("SELECT count(*) FROM payments").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM held_events").await, 0);
    assert_eq!(world.texts("SELECT reason FROM discarded").await, ["their clock was wrong"]);
    assert_eq!(discard(&world, 1).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_event_of_the_next_hour_that_was_discarded_is_over() {
    an_early_event_that_was_discarded_is_over(TimeDelta::hours(1)).await;
}

#[tokio::test]
async fn an_event_of_next_week_that_was_discarded_is_over() {
    an_early_event_that_was_discarded_is_over(TimeDelta::days(9)).await;
}

#[tokio::test]
async fn an_event_that_is_too_old_for_the_inbox_can_be_discarded() {
    let world = OneService::start(Payment, &MIGRATIONS).await;
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(&world.pool).await.unwrap();
    let handler = world.handler();
    assert!(matches!(arrive(&handler, &reserved(now + TimeDelta::hours(1))).await, Verdict::Deferred(_)));
    // It waited for so long that its day was dropped.
    sqlx::query("UPDATE inbox_floor SET complete_since = now() + interval '2 days'")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(discard(&world, 1).await, StatusCode::OK);
    assert_eq!(world.count("SELECT count(*) FROM inbox").await, 0);
}

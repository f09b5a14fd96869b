//! What operators see of what waits, and what becomes of it when they decide, on a real PostgreSQL: every field by value.

use axum::http::StatusCode;
use choreography_core::{
    delivery::{Delivery, Position},
    event_id::{IdSource, Ids},
    store::{DeadMessage, DeferEvent, DeferredEvents, DeferredStatus, Failure, OutboxMessage, Writing},
    trace::Header,
};
use chrono::{DateTime, TimeDelta, Utc};
use one_service::{Answer, OneService, call};
use payment::{MIGRATIONS, Payment};
use serde_json::{Value, json};

const BYTES: &[u8] = b"{\"odd\": \"\xff\x00\"}";

/// Kafka's third message, with bytes that are no text.
fn delivery(offset: i64) -> Delivery {
    Delivery {
        position: Position { topic: "inventory-events".into(), partition: 3, offset },
        key: Some(vec![0, 255]),
        payload: Some(BYTES.to_vec().into()),
        headers: vec![Header::text("traceparent", "00-1-2-01")],
    }
}

fn failure(message: &str) -> Failure {
    Failure { class: "refused", message: message.into() }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// One parked event, and one that queues behind it.
async fn defer(world: &OneService<Payment>) {
    let mut ids = Ids::new();
    let mut event = |offset, status, failure: Option<Failure>| DeferEvent {
        key: "order".into(),
        event_id: ids.next(at(offset)),
        event_type: "inventory.reserved".into(),
        status,
        delivery: delivery(offset),
        failure,
        retry_in: TimeDelta::seconds(30),
        now: at(offset),
        overtakes: false,
        early: false,
    };
    let deferred = [event(1, DeferredStatus::Parked, Some(failure("no"))), event(2, DeferredStatus::Queued, None)];
    let defer = DeferredEvents { defer: deferred.into(), ..DeferredEvents::default() };
    world.write(Writing { deferred: defer, ..Writing::default() }).await.unwrap();
}

async fn list(world: &OneService<Payment>, path: &str, name: &str) -> Vec<Value> {
    call(&world.admin(), "GET", path, &[], "").await.body[name].as_array().unwrap().clone()
}

async fn post(world: &OneService<Payment>, path: &str, body: &str) -> Answer {
    call(&world.admin(), "POST", path, &[("content-type", "application/json")], body).await
}

async fn start() -> OneService<Payment> {
    OneService::start(Payment, &MIGRATIONS).await
}

/// Key, payload and headers of what was given up, in hexadecimal and as they were.
async fn kept(world: &OneService<Payment>, query: &'static str) -> (String, String, String) {
    sqlx::query_as(query).fetch_one(&world.pool).await.unwrap()
}

fn original() -> (String, String, String) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    (hex(&[0, 255]), hex(BYTES), r#"[["traceparent","00-1-2-01"]]"#.into())
}

#[tokio::test]
async fn a_deferred_event_is_shown_as_it_stands_and_its_bytes_survive_a_discard() {
    let world = start().await;
    defer(&world).await;
    let deferred = list(&world, "/deferred", "deferred").await;
    let ids = world.texts("SELECT event_id::text FROM held_events ORDER BY number").await;
    let shown = |number: i64, status: &str, failed: Value, class: Value, message: Value| {
        json!({
            "number": number, "key": "order", "eventId": ids[number as usize - 1], "eventType": "inventory.reserved",
            "status": status, "topic": "inventory-events", "partition": 3, "offset": number,
            "attempts": i32::from(!failed.is_null()), "errorClass": class, "errorMessage": message,
            "firstFailedAt": failed, "lastFailedAt": failed, "dueAt": at(number + 30), "payloadLength": BYTES.len(),
            "payload": r#"{"odd": "\377\000"}"#,
        })
    };
    let parked = shown(1, "parked", json!(at(1)), json!("refused"), json!("no"));
    assert_eq!(deferred, [parked, shown(2, "queued", Value::Null, Value::Null, Value::Null)]);
    assert_eq!(list(&world, "/deferred?after=1", "deferred").await.len(), 1);

    let reason = r#"{"reason": "ticket 4711"}"#;
    for (path, body, status) in [
        ("/deferred/2/discard", reason, StatusCode::NOT_FOUND),
        ("/deferred/1/discard", r#"{"reason": " "}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("/deferred/1/discard", reason, StatusCode::OK),
        ("/deferred/1/discard", reason, StatusCode::NOT_FOUND),
    ] {
        assert_eq!(post(&world, path, body).await.status, status, "{path} {body}");
    }
    let deferred = list(&world, "/deferred", "deferred").await;
    assert_eq!(deferred.iter().map(|row| row["number"].as_i64().unwrap()).collect::<Vec<_>>(), [2]);
    let query =
        "SELECT encode(message_key, 'hex'), encode(payload, 'hex'), headers FROM discarded WHERE kind = 'event'";
    assert_eq!(kept(&world, query).await, original());
    let why =
        "SELECT concat_ws(' ', number, event_type, topic, partition, \"offset\", error_class, error_message, reason)
               FROM discarded";
    assert_eq!(world.texts(why).await, ["1 inventory.reserved inventory-events 3 1 refused no ticket 4711"]);
    assert_eq!(world.texts("SELECT event_id::text FROM discarded").await, ids[..1]);
}

#[tokio::test]
async fn a_dead_message_is_shown_as_it_is_kept_and_its_bytes_survive_a_discard() {
    let world = start().await;
    let dead = [(7, "no JSON"), (8, "no id")];
    let dead =
        dead.map(|(offset, why)| DeadMessage { delivery: delivery(offset), failure: failure(why), now: at(offset) });
    world.write(Writing { dead: dead.into(), ..Writing::default() }).await.unwrap();
    let shown = |number: i64, offset: i64, why: &str| {
        json!({
            "number": number, "topic": "inventory-events", "partition": 3, "offset": offset, "errorClass": "refused",
            "errorMessage": why, "deadAt": at(offset), "payload": r#"{"odd": "\377\000"}"#, "payloadLength": BYTES.len(),
        })
    };
    assert_eq!(list(&world, "/dead-messages", "deadMessages").await, [shown(1, 7, "no JSON"), shown(2, 8, "no id")]);
    assert_eq!(post(&world, "/dead-messages/1/discard", r#"{"reason": "junk"}"#).await.status, StatusCode::OK);
    assert_eq!(post(&world, "/dead-messages/1/discard", r#"{"reason": "junk"}"#).await.status, StatusCode::NOT_FOUND);
    assert_eq!(list(&world, "/dead-messages", "deadMessages").await, [shown(2, 8, "no id")]);
    for query in [
        "SELECT encode(message_key, 'hex'), encode(payload, 'hex'), headers FROM discarded WHERE kind = 'message'",
        "SELECT encode(message_key, 'hex'), encode(payload, 'hex'), headers FROM dead_messages WHERE number = 1",
    ] {
        assert_eq!(kept(&world, query).await, original(), "{query}");
    }
    assert_eq!(world.texts("SELECT error_message || ': ' || reason FROM discarded").await, ["no JSON: junk"]);
}

#[tokio::test]
async fn a_stopped_key_is_shown_released_and_given_up_with_its_bytes() {
    let world = start().await;
    let message = |topic: &str| OutboxMessage {
        topic: topic.into(),
        key: Some(vec![0, 255]),
        payload: Some(BYTES.to_vec()),
        headers: vec![Header::text("traceparent", "00-1-2-01")],
        nth: None,
    };
    let messages = vec![message("payment-events"), message("a"), message("a.dlq")];
    world.write(Writing { messages, ..Writing::default() }).await.unwrap();
    sqlx::query(
        "WITH left_behind AS (INSERT INTO outbox_left_behind SELECT number, range, topic, key FROM outbox)
         INSERT INTO stopped_keys (number, range, topic, key, error, stopped_at)
         SELECT number, range, topic, key, 'MessageSizeTooLarge', $1 FROM outbox",
    )
    .bind(at(0))
    .execute(&world.pool)
    .await
    .unwrap();
    let shown = |number: i64, topic: &str| {
        json!({
            "number": number, "topic": topic, "key": r"\000\377", "error": "MessageSizeTooLarge", "stoppedAt": at(0),
            "bytes": BYTES.len(),
        })
    };
    let all = [shown(1, "payment-events"), shown(2, "a"), shown(3, "a.dlq")];
    assert_eq!(list(&world, "/stopped", "stopped").await, all);
    let released = post(&world, "/stopped/release", r#"{"topic": "a"}"#).await;
    assert_eq!((released.status, &released.body["keys"]), (StatusCode::OK, &json!(1)));
    assert_eq!(post(&world, "/stopped/3/release", "").await.status, StatusCode::OK);
    assert_eq!(post(&world, "/stopped/3/release", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(list(&world, "/stopped", "stopped").await, all[..1]);

    assert_eq!(post(&world, "/stopped/1/discard", r#"{"reason": "ticket 4711"}"#).await.status, StatusCode::OK);
    assert_eq!(post(&world, "/stopped/1/discard", r#"{"reason": "ticket 4711"}"#).await.status, StatusCode::NOT_FOUND);
    assert!(list(&world, "/stopped", "stopped").await.is_empty());
    let query = "SELECT encode(key, 'hex'), encode(payload, 'hex'), headers FROM discarded_messages";
    assert_eq!(kept(&world, query).await, original());
    let why = "SELECT concat_ws(' ', number, topic, error, reason) FROM discarded_messages";
    assert_eq!(world.texts(why).await, ["1 payment-events MessageSizeTooLarge ticket 4711"]);
    // What was released goes on; what was given up counts as dealt with.
    assert_eq!(world.texts("SELECT number::text FROM outbox_left_behind ORDER BY 1").await, ["2", "3"]);
}

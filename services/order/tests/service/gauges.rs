//! What the gauges say is what the rows are: every number by value.

use std::{sync::Arc, time::Duration};

use choreography_core::{
    delivery::{Delivery, Position},
    store::{
        Calls, Database, DeadMessage, Deadline, Deadlines, DeferEvent, DeferredEvents, DeferredStatus, Failure,
        OutboxMessage, PendingCall, StoreError, Transaction, Waits, Writing,
    },
    trace::TraceContext,
};
use choreography_postgres::{Depths, depths};
use chrono::{DateTime, TimeDelta, Utc};
use one_service::OneService;
use order::{MIGRATIONS, Order};
use uuid::Uuid;

async fn start() -> OneService<Order> {
    OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await
}

fn delivery(offset: i64) -> Delivery {
    let position = Position { topic: Arc::from("shipping-events"), partition: 0, offset };
    Delivery { position, key: Some(b"k".to_vec()), payload: Some(b"{}".to_vec().into()), headers: Vec::new() }
}

fn failure() -> Failure {
    Failure { class: "refused", message: "no".into() }
}

fn deferred(key: &str, offset: i64, status: DeferredStatus, now: DateTime<Utc>) -> DeferEvent {
    DeferEvent {
        key: key.into(),
        event_id: Uuid::now_v7(),
        event_type: "shipping.dispatched".into(),
        status,
        delivery: delivery(offset),
        failure: (status != DeferredStatus::Queued).then(failure),
        retry_in: TimeDelta::hours(1),
        now,
        overtakes: false,
        early: false,
    }
}

fn deadline(order: &str, due_at: DateTime<Utc>) -> Deadline {
    Deadline {
        id: Uuid::now_v7(),
        aggregate_id: order.into(),
        name: "order".into(),
        due_at,
        correlation_id: order.into(),
        trace: TraceContext::default(),
        attempts: 0,
        last_error: None,
        not_before: None,
    }
}

fn pending_call(order: &str, step: &str, requested_at: DateTime<Utc>) -> PendingCall {
    PendingCall {
        id: Uuid::now_v7(),
        aggregate_id: order.into(),
        step: step.into(),
        request: "{}".into(),
        correlation_id: order.into(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts: 0,
        requested_at,
    }
}

fn message() -> OutboxMessage {
    OutboxMessage {
        topic: "order-events".into(),
        key: Some(b"k".to_vec()),
        payload: Some(b"{}".to_vec()),
        headers: Vec::new(),
        nth: None,
    }
}

/// Two parked events of one key and one of another, two that queue, one that is retried; three dead messages; two deadlines
/// of which one is due; four calls of two steps; five messages to publish.
async fn fill(world: &OneService<Order>) -> Result<(), StoreError> {
    use DeferredStatus::{Parked, Queued, Retrying};
    let now = world.handler().database.begin(Waits::Long).await?.now();
    let rows = [("a", Parked), ("a", Parked), ("a", Queued), ("b", Parked), ("b", Queued), ("c", Retrying)];
    let rows = (0..).zip(rows).map(|(offset, (key, status))| deferred(key, offset, status, now));
    let deferred = DeferredEvents { defer: rows.collect(), ..DeferredEvents::default() };
    let dead = (10..13).map(|offset| DeadMessage { delivery: delivery(offset), failure: failure(), now });
    let minute = TimeDelta::minutes(1);
    let set = vec![deadline("a", now - minute), deadline("b", now + minute * 60)];
    let deadlines = Deadlines { set, ..Deadlines::default() };
    let calls = [("a", "charge", 1), ("b", "charge", 5), ("c", "charge", 3), ("a", "refund", 20)];
    let calls = calls.map(|(order, step, minutes)| pending_call(order, step, now - minute * minutes));
    let calls = Calls { new: calls.into(), own_until: now + minute, ..Calls::default() };
    let messages = vec![message(); 5];
    let writing = Writing { deferred, dead: dead.collect(), deadlines, calls, messages, ..Writing::default() };
    world.write(writing).await.map(drop)
}

#[tokio::test]
async fn an_empty_database_has_nothing_that_waits() {
    let world = start().await;
    let empty = Depths { inbox: depths(&world.pool).await.unwrap().inbox, ..Depths::default() };
    assert_eq!(depths(&world.pool).await.unwrap(), empty);
}

#[tokio::test]
async fn what_waits_is_counted_by_why_and_its_age_is_that_of_the_oldest() {
    let world = start().await;
    fill(&world).await.unwrap();
    sqlx::query("UPDATE outbox SET created_at = created_at - interval '90 seconds' WHERE number = (SELECT min(number) FROM outbox)")
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE deadlines SET attempts = 1").execute(&world.pool).await.unwrap();
    sqlx::query("UPDATE held_events SET first_failed_at = first_failed_at - interval '700 seconds' WHERE key = 'c'")
        .execute(&world.pool)
        .await
        .unwrap();
    let before: f64 = sqlx::query_scalar("SELECT extract(epoch FROM now() - min(created_at))::float8 FROM outbox")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let found = depths(&world.pool).await.unwrap();
    assert_eq!((found.parked, found.parked_keys), (3, 2));
    assert_eq!((found.queued, found.retrying), (2, 1));
    assert_eq!((found.dead_messages, found.deadlines_due, found.outbox), (3, 1, 5));
    // One that is not due can't have been refused.
    assert_eq!(found.deadlines_refused, 1);
    assert!((700.0..3_600.0).contains(&found.retrying_age), "{}", found.retrying_age);
    assert!(found.outbox_age >= before, "the oldest is {before} s old, the gauge says {}", found.outbox_age);
    let mut calls = found.calls.clone();
    calls.sort_by(|a, b| a.0.cmp(&b.0));
    let (charges, refunds) = (&calls[0], &calls[1]);
    assert_eq!(
        (calls.len(), charges.0.as_str(), charges.1, refunds.0.as_str(), refunds.1),
        (2, "charge", 3, "refund", 1)
    );
    assert!(charges.2 >= 300.0 && refunds.2 >= 1_200.0 && charges.2 < refunds.2, "{calls:?}");
}

#[tokio::test]
async fn what_is_done_with_counts_no_more() {
    let world = start().await;
    fill(&world).await.unwrap();
    for done in [
        "DELETE FROM held_events",
        "DELETE FROM dead_messages",
        "DELETE FROM deadlines",
        "DELETE FROM intents",
        "UPDATE outbox_ranges SET published_through = 1000",
    ] {
        sqlx::query(done).execute(&world.pool).await.unwrap();
    }
    let found = depths(&world.pool).await.unwrap();
    assert_eq!(found, Depths { inbox: found.inbox, ..Depths::default() });
}

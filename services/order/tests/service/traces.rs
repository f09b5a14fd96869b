//! The trace of what began a saga is the trace of what follows from it, however long it lay in the database: behind a
//! deadline, or parked until an operator redrives it.

use std::{sync::Arc, time::Duration};

use choreography_core::{
    delivery::{Delivery, Position},
    event_id::Ids,
    input::{Inbound, Input, Origin, Verdict},
    participant::Trigger,
    reception, retry,
    routes::{AnyCommand, AnyReply, Routed},
    store::DeferredStatus,
    trace::{Header, TraceContext},
};
use one_service::OneService;
use order::{MIGRATIONS, Order, place_order::PlaceOrder};
use uuid::Uuid;

use crate::samples::details;

const PLACED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const DISPATCHED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn trace(traceparent: &str) -> TraceContext {
    TraceContext::from_headers(&[Header::text("traceparent", traceparent)])
}

fn place(order_id: Uuid) -> Inbound<Routed> {
    let place =
        PlaceOrder { order_id, request_key: None, body_hash: vec![1], details: Box::new(details()), fresh: None };
    let trigger = Trigger::Command(AnyCommand::new(place));
    Inbound::Input(Input { trigger, correlation_id: None, trace: trace(PLACED), origin: Origin::Client })
}

async fn handle(world: &OneService<Order>, inbound: Inbound<Routed>) -> Verdict<AnyReply> {
    world.handle(inbound).await.verdicts.pop().flatten().unwrap()
}

/// Per outbox row, in order: its event type (none of a dead letter's own), and its trace.
async fn traces(world: &OneService<Order>) -> Vec<(String, String, String)> {
    let query = r#"SELECT topic, coalesce(convert_from(payload, 'UTF8')::jsonb->>'type', ''),
                          coalesce(substring(headers FROM '"traceparent" *, *"00-([0-9a-f]{32})-'), 'none')
                   FROM outbox ORDER BY number"#;
    sqlx::query_as(query).fetch_all(&world.pool).await.unwrap()
}

fn id_of(traceparent: &str) -> String {
    traceparent.split('-').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_deadline_goes_on_in_the_trace_that_set_it() {
    let world = OneService::start(Order { deadline: Duration::ZERO }, &MIGRATIONS).await;
    let placed = handle(&world, place(Uuid::now_v7())).await;
    assert!(matches!(placed, Verdict::Applied(Some(_))), "{placed:?}");
    let verdicts = world.deadlines().await;
    assert!(matches!(verdicts[..], [Verdict::Applied(None)]), "{verdicts:?}");
    let expected = ["order.placed", "order.cancellation_requested"]
        .map(|event_type| ("order-events".to_owned(), event_type.to_owned(), id_of(PLACED)));
    assert_eq!(traces(&world).await, expected);
}

#[tokio::test]
async fn a_redriven_event_goes_on_in_its_own_trace() {
    let world = OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    let order_id = Uuid::now_v7();
    handle(&world, place(order_id)).await;
    // What cannot happen: something is dispatched for an order that was cancelled.
    set_status(&world, "cancelled").await;
    let handler = world.handler();
    let inbound = reception::receive(&*handler.participant, dispatched(order_id));
    let parked = handle(&world, inbound).await;
    assert!(matches!(parked, Verdict::Deferred(DeferredStatus::Parked)), "{parked:?}");
    set_status(&world, "pending").await;
    let number: i64 = sqlx::query_scalar("SELECT number FROM held_events").fetch_one(&world.pool).await.unwrap();
    let limits = retry::Limits { keys: 10, per_key: 10, bytes: 1_000_000 };
    let redriven = retry::redrive(&handler, &handler.database, &mut Ids::new(), number, limits).await.unwrap();
    let verdicts = redriven.map(|readable| readable.map(|progress| progress.verdicts));
    assert!(
        matches!(verdicts.as_ref().map(|read| read.as_deref()), Some(Ok([Some(Verdict::Applied(None))]))),
        "{verdicts:?}"
    );
    let published = traces(&world).await;
    let row = |topic: &str, event_type: &str, of: &str| (topic.to_owned(), event_type.to_owned(), id_of(of));
    assert_eq!(published[0], row("order-events", "order.placed", PLACED));
    assert_eq!(published.last(), Some(&row("order-events", "order.completed", DISPATCHED)));
    // Its dead letter, wherever it waits to be sent, is its own message with its own trace.
    for letter in published.iter().filter(|(topic, ..)| topic == "shipping-events.dlq") {
        assert_eq!(*letter, row("shipping-events.dlq", "shipping.dispatched", DISPATCHED));
    }
}

async fn set_status(world: &OneService<Order>, status: &str) {
    sqlx::query("UPDATE orders SET status = $1").bind(status).execute(&world.pool).await.unwrap();
}

fn dispatched(order_id: Uuid) -> Delivery {
    let payload = format!(
        r#"{{"id":"{}","type":"shipping.dispatched","version":1,"timestamp":"{}","correlationId":"{order_id}",
            "aggregateId":"{order_id}","payload":{{"orderId":"{order_id}","trackingNumber":"T1"}}}}"#,
        Uuid::now_v7(),
        chrono::Utc::now().to_rfc3339()
    );
    Delivery {
        position: Position { topic: Arc::from("shipping-events"), partition: 0, offset: 1 },
        key: Some(order_id.to_string().into_bytes()),
        payload: Some(payload.into_bytes().into()),
        headers: vec![Header::text("traceparent", DISPATCHED)],
    }
}

//! Order: its deadlines, its requests, and rows of keys whose rules never ran.

use std::time::Duration;

use choreography_core::input::Verdict::{Applied, Deferred};
use contracts::ShippingDispatched;
use one_service::OneService;
use order::{
    MIGRATIONS, Order,
    place_order::{PlaceOrder, Placed},
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{migrate, publish};
use crate::events::{arrive, details, published};

/// Three pending orders: one took too long, one took too long and was refused, one has time. A key of a request that
/// was not done, and one of a request that was.
const LEFT: &str = "
    INSERT INTO orders (order_id, status, user_id, total_amount, currency, items, created_at, updated_at)
        SELECT '00000000-0000-0000-0000-00000000000' || n, 'pending', 'ada', 200, 'EUR', '[]', now(), now()
        FROM generate_series(1, 3) n;
    INSERT INTO orders (order_id, status, created_at, updated_at)
        VALUES ('00000000-0000-0000-0000-000000000004', 'none', now(), now());
    INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id, attempts, last_error, not_before) VALUES
        (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'order', now(), 's1', 0, NULL, NULL),
        (gen_random_uuid(), '00000000-0000-0000-0000-000000000002', 'order', now(), 's2', 4, 'no', now()),
        (gen_random_uuid(), '00000000-0000-0000-0000-000000000003', 'order', 'infinity', 's3', 0, NULL, NULL);
    INSERT INTO requests (request_key) VALUES ('begun');
    INSERT INTO requests (request_key, body_hash, order_id)
        VALUES ('done', '\\x01', '00000000-0000-0000-0000-000000000001')";

async fn place(world: &OneService<Order>, n: u128, key: &str) -> Placed {
    let (order_id, request_key) = (Uuid::from_u128(n), Some(key.to_owned()));
    let details = Box::new(details());
    let asked = world.asked(PlaceOrder { order_id, request_key, body_hash: vec![1], details, fresh: None }).await;
    match asked.verdicts.into_iter().flatten().next() {
        Some(Applied(Some(reply))) => reply.take().expect("a reply of the command's type"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn deadlines_pass_once_and_requests_are_answered_as_before() {
    let left = async |owner: &PgPool| {
        migrate(owner, &MIGRATIONS).await;
        sqlx::raw_sql(LEFT).execute(owner).await.expect("what was left");
    };
    let world = OneService::start_after(left, Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    let passed = world.deadlines().await;
    assert!(matches!(passed[..], [Applied(None), Applied(None)]), "{passed:?}");
    assert!(world.deadlines().await.is_empty());
    let statuses = "SELECT status FROM orders ORDER BY order_id";
    assert_eq!(world.texts(statuses).await, ["cancelling", "cancelling", "pending", "none"]);
    assert_eq!(world.published().await, ["order.cancellation_requested"; 2]);
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 1);

    assert_eq!(place(&world, 9, "done").await, Placed::Before(Uuid::from_u128(1).to_string()));
    assert!(matches!(place(&world, 9, "begun").await, Placed::Now(_)));
    let completed = |n: u128| {
        let event = ShippingDispatched { order_id: Uuid::from_u128(n), tracking_number: "T1".into() };
        published(Uuid::now_v7(), &event, n as i64)
    };
    let verdicts = arrive(&world, &[completed(3), completed(4)]).await;
    assert!(matches!(verdicts[..], [Applied(None), Deferred(_)]), "the fourth was never placed: {verdicts:?}");
    let expected = ["cancelling", "cancelling", "completed", "none", "pending"];
    assert_eq!(world.texts(statuses).await, expected);
    let events = "SELECT convert_from(payload, 'UTF8')::jsonb->>'type' FROM outbox WHERE topic = 'order-events'
                 ORDER BY number OFFSET 2";
    assert_eq!(world.texts(events).await, ["order.placed", "order.completed"]);
    assert_eq!(publish(&world).await.len(), 5, "those, and the dead letter");
}

//! Deferred events that another transaction is trying, or deferring.

use choreography_core::{
    event_id::Ids,
    input::{
        Inbound, Unread,
        Verdict::{self, Applied, Deferred, Gone},
    },
    retry::{self, Limits},
    routes::AnyReply,
    store::DeferredStatus::{Parked, Queued, Retrying},
};
use chrono::TimeDelta;
use one_service::OneService;
use payment::Payment;
use uuid::Uuid;

use super::{Commit, RollBack, meets, open, verdict};
use crate::events::{arrive, defer, early_id, reserved, reserved_as, start};

async fn redrive(world: &OneService<Payment>, number: i64) -> Verdict<AnyReply> {
    let (handler, limits) = (world.handler(), Limits { keys: 10, per_key: 1, bytes: 1_000_000 });
    let redriven = retry::redrive(&handler, &handler.database, &mut Ids::new(), number, limits).await;
    verdict(redriven.expect("the database is there").expect("it is deferred").expect("it can be read"))
}

async fn states(world: &OneService<Payment>) -> Vec<String> {
    world.texts("SELECT state FROM payments ORDER BY order_id").await
}

/// There is no row to lock, so the first of the deferred events stands for it.
#[tokio::test]
async fn a_deferred_event_without_a_row_that_another_is_trying_is_waited_for_and_has_one_effect() {
    let world = start().await;
    defer(&world, 1, Parked).await;
    defer(&world, 2, Parked).await;
    let key = Uuid::from_u128(1);
    let handled = format!(
        "WITH released AS (DELETE FROM held_events WHERE number = 1)
         INSERT INTO payments (order_id, state) VALUES ('{key}', 'voided')"
    );
    let first = open(&world, handled).await;
    let late = meets(&world, first, Commit, redrive(&world, 1)).await;
    assert!(matches!(late, Gone), "{late:?}");
    assert_eq!(states(&world).await, ["voided"]);
    let first = open(&world, "DELETE FROM held_events WHERE number = 2".to_owned()).await;
    let tried = meets(&world, first, RollBack, redrive(&world, 2)).await;
    assert!(matches!(tried, Applied(None)), "{tried:?}");
    assert_eq!(states(&world).await, ["voided", "capturing"]);
    assert_eq!(world.count("SELECT count(*) FROM held_events").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM intents").await, 1);
}

#[tokio::test]
async fn a_deferred_event_that_another_is_parking_is_waited_for_and_waits_for_a_decision() {
    let world = start().await;
    defer(&world, 1, Retrying).await;
    let (handler, limits) = (world.handler(), Limits { keys: 10, per_key: 10, bytes: 1_000_000 });
    let mut claimed =
        retry::DeferredStore::claim(&handler.database, limits, TimeDelta::seconds(15)).await.expect("events");
    let park = "UPDATE held_events SET status = 'parked', attempts = 10";
    let first = open(&world, park.to_owned()).await;
    let inbound = Inbound::Unread(Unread::Deferred(claimed.events.pop().expect("it is due")));
    let tried = verdict(meets(&world, first, Commit, world.handle(inbound)).await);
    assert!(matches!(tried, Gone), "{tried:?}");
    assert_eq!(world.texts("SELECT status || ' ' || attempts FROM held_events").await, ["parked 10"]);
    assert_eq!(states(&world).await, [""; 0]);
}

/// What defers an event until its time comes.
fn hold_early(id: Uuid, order: u128) -> String {
    let key = Uuid::from_u128(order);
    format!(
        "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", headers, attempts,
                                  due_at, held_at, early)
         VALUES ('{key}', '{id}', 'inventory.reserved', 'retrying', 'inventory-events', 3, 7, '[]', 1,
                 now() + interval '1 hour', now(), true)"
    )
}

#[tokio::test]
async fn an_early_event_that_another_is_holding_is_waited_for_and_deferred_once() {
    let world = start().await;
    for (order, end, offset) in [(1, Commit, 7), (2, RollBack, 8)] {
        let id = early_id();
        let first = open(&world, hold_early(id, order)).await;
        let verdicts = meets(&world, first, end, arrive(&world, &[reserved_as(id, order, 8)])).await;
        assert!(matches!(verdicts[..], [Deferred(Retrying)]), "{verdicts:?}");
        let deferred = world.texts("SELECT event_id || ' ' || \"offset\" || ' ' || early FROM held_events").await;
        assert_eq!(deferred, [format!("{id} {offset} true")], "by the first that came");
        sqlx::query("DELETE FROM held_events").execute(&world.pool).await.expect("none is deferred");
    }
    assert_eq!(world.count("SELECT count(*) FROM inbox").await, 0);
    assert_eq!(states(&world).await, [""; 0]);
}

/// For a replica that allows for less, its time has not come yet.
#[tokio::test]
async fn an_event_in_its_time_that_another_is_holding_as_early_is_waited_for_and_early_no_more() {
    let world = start().await;
    defer(&world, 1, Parked).await;
    let (id, event) = reserved(1, 8);
    let first = open(&world, hold_early(id, 1)).await;
    let verdicts = meets(&world, first, Commit, arrive(&world, &[event])).await;
    assert!(matches!(verdicts[..], [Deferred(Queued)]), "{verdicts:?}");
    let deferred = world.texts("SELECT \"offset\" || ' ' || early FROM held_events ORDER BY number").await;
    assert_eq!(deferred, ["1 false", "7 false"], "it is deferred once, and has an inbox row");
    assert_eq!(world.count("SELECT count(*) FROM inbox").await, 2);
}

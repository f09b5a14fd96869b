//! Order: commands with their request keys, deadlines, and the history.

use std::time::Duration;

use choreography_core::{
    deadlines::{self, DeadlineStore, Postponed},
    input::Verdict,
    store::{Deadline, Deadlines, Writing},
};
use chrono::TimeDelta;
use contracts::{InventoryReleased, ShippingDispatched};
use one_service::OneService;
use order::{MIGRATIONS, Order, cancel_order::CancelOrder, place_order::PlaceOrder};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{are_right, relay::relay};
use crate::events::{arrive, details, published};

/// Those of a relay apart.
pub const EXPECTED: &str = "
    changed, deadlines_postponed, deadlines_set, deadlines_settled, deadlines_taken, fresh, inbox_new,
    later, locked, new, records, seen, waits, delete deadlines, insert deadlines, insert inbox, insert order_history,
    insert orders, insert requests, read deadlines, read held_events, read orders, read requests,
    update deadlines, update orders";

const FILL: &str = "
    INSERT INTO orders (order_id, status, created_at, updated_at)
        SELECT 'full ' || n, 'completed', now(), now() FROM generate_series(1, 2000) n;
    INSERT INTO requests (request_key, body_hash, order_id) SELECT 'full ' || n, '', n FROM generate_series(1, 2000) n;
    INSERT INTO order_history (order_id, status, reason, at)
        SELECT 'full ' || n, 'completed', 'dispatched', now() FROM generate_series(1, 2000) n;";

async fn place(world: &OneService<Order>, n: u128, request_key: Option<&str>) {
    let (order_id, request_key) = (Uuid::from_u128(n), request_key.map(str::to_owned));
    world
        .asked(PlaceOrder { order_id, request_key, body_hash: vec![1], details: Box::new(details()), fresh: None })
        .await;
}

/// Orders are placed with a key, once more with the same, and without. They end.
/// One that does not exist is to be cancelled.
async fn place_and_end(world: &OneService<Order>, n: u128) {
    let key = format!("key {n}");
    place(world, n, Some(&key)).await;
    place(world, 100 + n, Some(&key)).await;
    place(world, 200 + n, None).await;
    world.asked(CancelOrder(Uuid::from_u128(n))).await;
    world.asked(CancelOrder(Uuid::from_u128(300 + n))).await;
    let released = InventoryReleased { order_id: Uuid::from_u128(n), reason: "requested".into() };
    arrive(world, &[published(Uuid::now_v7(), &released, n as i64)]).await;
    let dispatched = ShippingDispatched { order_id: Uuid::from_u128(200 + n), tracking_number: "T1".into() };
    arrive(world, &[published(Uuid::now_v7(), &dispatched, n as i64)]).await;
}

/// One is taken, one is refused, one is set anew by its rule, and one can't be read.
async fn pass_deadlines(world: &OneService<Order>, n: u128) {
    place(world, 400 + n, None).await;
    let refused = format!(
        "WITH placed AS (INSERT INTO orders (order_id, status, created_at, updated_at)
                         VALUES ('no id {n}', 'pending', now(), now()))
         INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id)
         VALUES (gen_random_uuid(), 'no id {n}', 'order', now(), 's')"
    );
    sqlx::raw_sql(AssertSqlSafe(refused)).execute(&world.pool).await.expect("an order");
    let store = world.handler().database;
    let due = deadlines::look(&store, 10, TimeDelta::seconds(1)).await.expect("the database is there").due;
    assert_eq!(due.len(), 2, "{due:?}");
    for deadline in due.clone() {
        let verdicts = world.handle(deadlines::input(deadline)).await.verdicts;
        assert!(matches!(verdicts[..], [Some(Verdict::Applied(None) | Verdict::Refused(_))]), "{verdicts:?}");
    }
    let waiting = due.into_iter().find(|due| due.aggregate_id.starts_with("no id")).expect("it was refused");
    let again = Deadline { id: Uuid::now_v7(), due_at: waiting.due_at + TimeDelta::days(1), ..waiting.clone() };
    let set = Deadlines { replaced: vec![waiting.id], set: vec![again.clone()], ..Deadlines::default() };
    let lost = world.write(Writing { deadlines: set, ..Writing::default() }).await.expect("it is set anew");
    assert!(lost.is_nothing(), "{lost:?}");
    // As a transaction does that has its locks.
    let settled = Deadlines { settled: vec![("no deadline".into(), "order".into())], ..Deadlines::default() };
    let lost = world.write(Writing { deadlines: settled, ..Writing::default() }).await.expect("it is settled");
    assert!(lost.is_nothing(), "{lost:?}");
    let unreadable = Postponed { id: again.id, wait: TimeDelta::days(1), why: "unreadable".into() };
    DeadlineStore::postpone(&store, &[unreadable]).await.expect("it waits");
}

#[tokio::test]
async fn no_statement_for_commands_and_deadlines_reads_a_table_whole() {
    let world = OneService::start(Order { deadline: Duration::ZERO }, &MIGRATIONS).await;
    let work = async |n: u128| {
        place_and_end(&world, n).await;
        pass_deadlines(&world, n).await;
        relay(&world).await;
    };
    are_right(&world, FILL, EXPECTED, work).await;
}

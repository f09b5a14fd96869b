//! Deadlines that another transaction is taking, setting anew or postponing.

use std::time::Duration;

use choreography_core::{
    Row as _,
    deadlines::{self, DeadlineStore as _},
    input::Verdict::{Applied, Gone, Refused},
    routes::TableId,
    store::{Database as _, Deadline, Deadlines, Transaction as _, Waits, Wanted, WantedRows, Writing},
};
use chrono::TimeDelta;
use contracts::ShippingDispatched;
use one_service::OneService;
use order::{MIGRATIONS, Order, order_row::OrderRow, place_order::PlaceOrder};
use uuid::Uuid;

use super::{Commit, RollBack, meets, open, verdict};
use crate::events::details;

/// Orders from number 1 on, and their deadlines, which are due.
async fn start(orders: u128) -> (OneService<Order>, Vec<Deadline>) {
    let world = OneService::start(Order { deadline: Duration::ZERO }, &MIGRATIONS).await;
    for order in 1..=orders {
        let (order_id, details) = (Uuid::from_u128(order), Box::new(details()));
        world.asked(PlaceOrder { order_id, request_key: None, body_hash: vec![1], details, fresh: None }).await;
    }
    let due = due(&world).await;
    (world, due)
}

async fn due(world: &OneService<Order>) -> Vec<Deadline> {
    world.handler().database.due(10).await.expect("the database is there").due
}

async fn statuses(world: &OneService<Order>) -> Vec<String> {
    world.texts("SELECT status FROM orders ORDER BY order_id").await
}

#[tokio::test]
async fn one_that_another_is_taking_is_waited_for_and_its_rule_has_one_effect() {
    let (world, due) = start(2).await;
    let [one, other] = &due[..] else { panic!("{due:?}") };
    let take = |deadline: &Deadline| format!("DELETE FROM deadlines WHERE id = '{}'", deadline.id);
    let first = open(&world, take(one)).await;
    let lost = meets(&world, first, Commit, world.handle(deadlines::input(one.clone()))).await;
    assert!(matches!(verdict(lost), Gone));
    let first = open(&world, take(other)).await;
    let taken = meets(&world, first, RollBack, world.handle(deadlines::input(other.clone()))).await;
    assert!(matches!(verdict(taken), Applied(None)));
    assert_eq!(statuses(&world).await, ["pending", "cancelling"]);
    assert_eq!(world.published().await, ["order.placed", "order.placed", "order.cancellation_requested"]);
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 0);
}

#[tokio::test]
async fn one_that_another_is_setting_anew_is_waited_for_and_left_as_it_is_then() {
    let (world, due) = start(1).await;
    let anew = "UPDATE deadlines SET id = gen_random_uuid(), due_at = due_at + interval '1 hour'";
    let first = open(&world, anew.to_owned()).await;
    let lost = meets(&world, first, Commit, world.handle(deadlines::input(due[0].clone()))).await;
    assert!(matches!(verdict(lost), Gone));
    assert_eq!(statuses(&world).await, ["pending"]);
    assert_eq!(world.count("SELECT count(*) FROM deadlines WHERE due_at > now()").await, 1);
    assert_eq!(world.published().await, ["order.placed"]);
}

const POSTPONE: &str = "UPDATE deadlines SET attempts = attempts + 1, not_before = now() + interval '1 hour',
                               last_error = 'another one can''t read it'";

#[tokio::test]
async fn one_that_another_is_postponing_is_waited_for_and_taken() {
    let (world, due) = start(1).await;
    let first = open(&world, POSTPONE.to_owned()).await;
    let taken = meets(&world, first, Commit, world.handle(deadlines::input(due[0].clone()))).await;
    assert!(matches!(verdict(taken), Applied(None)));
    assert_eq!(statuses(&world).await, ["cancelling"]);
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 0);
}

#[tokio::test]
async fn one_that_another_is_postponing_is_waited_for_and_settled() {
    let (world, _) = start(1).await;
    let first = open(&world, POSTPONE.to_owned()).await;
    let dispatched = ShippingDispatched { order_id: Uuid::from_u128(1), tracking_number: "T1".into() };
    let settled = meets(&world, first, Commit, world.told(dispatched)).await;
    assert!(matches!(verdict(settled), Applied(None)));
    assert_eq!(statuses(&world).await, ["completed"]);
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 0);
}

/// Its rule refuses, since the order's id is none.
#[tokio::test]
async fn one_to_postpone_that_another_is_taking_or_postponing_is_waited_for() {
    let (world, _) = start(0).await;
    let refused = "WITH placed AS (INSERT INTO orders (order_id, status, created_at, updated_at)
                                   VALUES ('no id', 'pending', now(), now()))
                   INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id)
                   VALUES (gen_random_uuid(), 'no id', 'order', now(), 's')";
    sqlx::query(refused).execute(&world.pool).await.expect("an order");
    let due = due(&world).await.remove(0);
    let first = open(&world, POSTPONE.to_owned()).await;
    let postponed = meets(&world, first, Commit, world.handle(deadlines::input(due.clone()))).await;
    assert!(matches!(verdict(postponed), Refused(_)));
    assert_eq!(
        world.count("SELECT count(*) FROM deadlines WHERE attempts = 2 AND last_error LIKE 'refused: %'").await,
        1,
        "both attempts count, and the last reason stands"
    );
    let first = open(&world, "DELETE FROM deadlines".to_owned()).await;
    let lost = meets(&world, first, Commit, world.handle(deadlines::input(due))).await;
    assert!(matches!(verdict(lost), Gone));
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 0);
}

/// What a batch writes whose rule ran for a deadline and set it anew.
#[tokio::test]
async fn one_to_replace_that_another_took_with_the_row_is_lost() {
    let (world, due) = start(1).await;
    let due = &due[0];
    let take = "WITH taken AS (DELETE FROM deadlines) UPDATE orders SET status = 'cancelling'";
    let first = open(&world, take.to_owned()).await;
    let mut tx = world.handler().database.begin(Waits::Long).await.expect("a transaction");
    let (table, keys) = (TableId(OrderRow::TABLE), vec![due.aggregate_id.clone()]);
    let rows = vec![WantedRows { table, keys, if_free: Vec::new() }];
    let wanted = Wanted { rows, ..Wanted::default() };
    let found = meets(&world, first, Commit, tx.lock(&wanted)).await.expect("the row");
    assert_eq!(found.rows.len(), 1);
    let again = Deadline { id: Uuid::now_v7(), due_at: due.due_at + TimeDelta::hours(1), ..due.clone() };
    let deadlines = Deadlines { replaced: vec![due.id], set: vec![again], ..Deadlines::default() };
    let written = tx.write(&Writing { deadlines, ..Writing::default() }).await.expect("an answer");
    assert_eq!(written.lost.settled, [due.id]);
    tx.roll_back().await;
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 0);
}

#[tokio::test]
async fn one_to_set_that_another_is_setting_is_waited_for_and_overwritten() {
    let (world, due) = start(1).await;
    sqlx::query("DELETE FROM deadlines").execute(&world.pool).await.expect("none is set");
    let set = format!(
        "INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id)
         VALUES (gen_random_uuid(), '{}', 'order', now(), 's')",
        due[0].aggregate_id
    );
    let first = open(&world, set).await;
    let deadlines = Deadlines { set: vec![due[0].clone()], ..Deadlines::default() };
    let lost = meets(&world, first, Commit, world.write(Writing { deadlines, ..Writing::default() })).await;
    assert!(lost.expect("it is written").is_nothing());
    assert_eq!(world.texts("SELECT id::text FROM deadlines").await, [due[0].id.to_string()]);
}

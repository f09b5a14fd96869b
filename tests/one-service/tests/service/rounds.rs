//! How often a batch goes to the database and back, however many inputs it has: read and write, and once more for a table whose keys come
//! from another table's rows. One that needs locks begins, locks, writes and commits.
//!
//! A client that waits for each answer sends one segment for each question. So the segments are counted that this
//! process has sent.

use std::time::Duration;

use choreography_core::{
    calls::answered,
    deadlines::{self, DeadlineStore as _},
    participant::Answer,
    routes::Service,
};
use contracts::{OrderPlaced, PaymentVoided, ShippingDispatched};
use inventory::{Inventory, set_stock::SetStock};
use local::tcp;
use one_service::OneService;
use order::{Order, cancel_order::CancelOrder, place_order::PlaceOrder};
use uuid::Uuid;

use crate::events::{arrive, delivery, details, published, reserved, start};

/// Segments that went to this server, on the connections that are open.
fn sent<S: Service>(world: &OneService<S>) -> u32 {
    let port = world.pool.options().get_port();
    tcp::sent().expect("the kernel tells").iter().filter(|sent| sent.to_port == port).map(|sent| sent.segments).sum()
}

/// Round trips of work, once its statements are prepared.
async fn trips<S: Service>(world: &OneService<S>, mut work: impl AsyncFnMut(u128)) -> u32 {
    work(1).await;
    work(2).await;
    let before = sent(world);
    work(3).await;
    sent(world) - before
}

#[tokio::test]
async fn a_batch_on_one_table_takes_two_and_one_that_needs_locks_four() {
    let world = start().await;
    let several = async |n: u128| {
        let (first, second) = (reserved(10 * n, 10 * n as i64).1, reserved(10 * n + 1, 10 * n as i64 + 1).1);
        assert_eq!(arrive(&world, &[first, second]).await.len(), 2);
    };
    assert_eq!(trips(&world, several).await, 2, "events");
    let many = async |n: u128| {
        let of = |nth: u128| reserved(1000 * n + nth, 1000 * n as i64 + nth as i64).1;
        assert_eq!(arrive(&world, &(0..33).map(of).collect::<Vec<_>>()).await.len(), 33);
    };
    assert_eq!(trips(&world, many).await, 4, "so many events that they lock at once");
    let with_junk = async |n: u128| {
        let junk = delivery(10 * n as i64 + 2, "k", b"junk".to_vec());
        assert_eq!(arrive(&world, &[reserved(10 * n + 5, 10 * n as i64 + 5).1, junk]).await.len(), 2);
    };
    assert_eq!(trips(&world, with_junk).await, 4, "one of them is set aside");
    let calls = "SELECT id FROM intents ORDER BY aggregate_id";
    let mut open: Vec<Uuid> = sqlx::query_scalar(calls).fetch_all(&world.pool).await.expect("calls");
    let mut work = Vec::new();
    while let Some(id) = open.pop() {
        let call = world.handler().database.open_call(id).await.expect("the database is there").expect("it is open");
        work.push(Some(answered(&call, Answer::Yes { detail: "ch_1".into() })));
    }
    let answer = async |n: u128| drop(world.handle(work[n as usize].take().expect("an answer")).await);
    assert_eq!(trips(&world, answer).await, 2, "an answer");
}

#[tokio::test]
async fn a_command_takes_one_if_all_its_rows_are_new_and_else_two() {
    let world = OneService::start(Order { deadline: Duration::ZERO }, &order::MIGRATIONS).await;
    let place = async |n: u128, request_key: Option<String>| {
        let (order_id, details) = (Uuid::from_u128(n), Box::new(details()));
        world.asked(PlaceOrder { order_id, request_key, body_hash: vec![1], details, fresh: None }).await;
    };
    let taken = trips(&world, async |n: u128| place(n, None).await).await;
    assert!(
        [1, 2].contains(&taken),
        "a new order, which reads nothing, took {taken}: one, and one if its connection had rested"
    );
    let keyed = async |n: u128| place(10 + n, Some(format!("key {n}"))).await;
    assert_eq!(trips(&world, keyed).await, 2, "a new order under a key");
    let cancel = async |n: u128| drop(world.asked(CancelOrder(Uuid::from_u128(n))).await);
    assert_eq!(trips(&world, cancel).await, 2, "a cancellation");
    let due = world.handler().database.due(10).await.expect("the database is there").due;
    let mut due = due.into_iter().filter(|due| due.aggregate_id > Uuid::from_u128(10).to_string());
    let deadline = async |_: u128| {
        world.handle(deadlines::input(due.next().expect("a deadline"))).await;
    };
    assert_eq!(trips(&world, deadline).await, 2, "a deadline");
    let complete = async |n: u128| {
        let event = ShippingDispatched { order_id: Uuid::from_u128(n), tracking_number: "T1".into() };
        arrive(&world, &[published(Uuid::now_v7(), &event, n as i64)]).await;
    };
    assert_eq!(trips(&world, complete).await, 2, "an end");
}

#[tokio::test]
async fn a_table_whose_keys_come_from_another_tables_rows_takes_one_more_and_one_whose_keys_are_in_the_event_none() {
    let world = OneService::start(Inventory, &inventory::MIGRATIONS).await;
    let set = async |n: u128| drop(world.asked(SetStock { sku: "chair".into(), on_hand: 100 * n as i64 }).await);
    assert_eq!(trips(&world, set).await, 2, "a command");
    let placed = async |n: u128| {
        let event = |n: u128| OrderPlaced { order_id: Uuid::from_u128(n), details: details() };
        let of = |n: u128| published(Uuid::now_v7(), &event(n), n as i64);
        arrive(&world, &[of(10 * n), of(10 * n + 1)]).await;
    };
    assert_eq!(trips(&world, placed).await, 2, "two orders, and the stock that their events name");
    let voided = async |n: u128| {
        let event = |n: u128| PaymentVoided { order_id: Uuid::from_u128(n), reason: "cancelled".into() };
        let of = |n: u128| published(Uuid::now_v7(), &event(n), n as i64);
        arrive(&world, &[of(10 * n), of(10 * n + 1)]).await;
    };
    assert_eq!(trips(&world, voided).await, 5, "two orders, and the stock that their rows name");
    assert_eq!(world.texts("SELECT available || ' ' || reserved FROM stock").await, ["300 0"]);
}

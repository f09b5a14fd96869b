//! Two transactions that want the same: the second waits, and then sees what the first one did.
//!
//! The first is held open by hand, in psql's place, until the second is seen to wait for it.

mod calls;
mod deadlines;
mod deferred_events;
mod further_rows;

use std::time::{Duration, Instant};

use choreography_core::{
    handler::Progress,
    input::Verdict::{self, Applied, Dead, Deferred, Gone, Repeat},
    participant::Answer,
    routes::{AnyReply, Service},
    store::{DeferredStatus::Queued, PendingCall},
};
use choreography_postgres::Session;
use one_service::OneService;
use payment::Payment;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::events::{arrive, delivery, reserved, start};
use End::{Commit, RollBack};

const PATIENCE: Duration = Duration::from_secs(30);

/// How the first transaction ends.
#[derive(Clone, Copy)]
enum End {
    Commit,
    RollBack,
}

/// A transaction that has done this, and is not over.
async fn open<S: Service>(world: &OneService<S>, statement: String) -> Session {
    let mut tx = world.pool.begin().await.expect("a transaction");
    sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut tx).await.expect(&statement);
    tx
}

/// Until a transaction waits for a lock.
async fn another_waits<S: Service>(world: &OneService<S>) {
    let until = Instant::now() + PATIENCE;
    while world.count("SELECT count(*) FROM pg_locks WHERE NOT granted").await == 0 {
        assert!(Instant::now() < until, "no transaction waits for the first");
        tokio::task::yield_now().await;
    }
}

/// What becomes of an input that meets an open transaction, which ends once it is waited for.
async fn meets<S: Service, T>(world: &OneService<S>, first: Session, end: End, work: impl Future<Output = T>) -> T {
    let (came, ()) = tokio::join!(work, async {
        another_waits(world).await;
        match end {
            Commit => first.commit().await.expect("the first one commits"),
            RollBack => drop(first),
        }
    });
    came
}

/// What became of the only input.
fn verdict(progress: Progress<AnyReply>) -> Verdict<AnyReply> {
    progress.verdicts.into_iter().flatten().next().expect("a verdict")
}

/// The reply to the only command.
fn reply<R: 'static>(progress: Progress<AnyReply>) -> R {
    match verdict(progress) {
        Applied(Some(reply)) => reply.take().expect("a reply of the command's type"),
        other => panic!("{other:?}"),
    }
}

fn applied(verdicts: &[Verdict<AnyReply>]) -> usize {
    verdicts.iter().filter(|verdict| matches!(verdict, Applied(_))).count()
}

#[tokio::test]
async fn an_event_that_another_replica_is_handling_is_waited_for_and_has_one_effect() {
    let world = start().await;
    let ((id, one), (_, other)) = (reserved(1, 1), reserved(2, 2));
    let first = open(&world, format!("INSERT INTO inbox VALUES ('payment', '{id}')")).await;
    let verdicts = meets(&world, first, Commit, arrive(&world, &[one, other])).await;
    assert!(matches!(verdicts[..], [Repeat, Applied(_)]), "{verdicts:?}");
    assert_eq!(world.texts("SELECT order_id::text FROM payments").await, [Uuid::from_u128(2).to_string()]);
}

#[tokio::test]
async fn an_event_whose_first_handling_is_rolled_back_is_handled() {
    let world = start().await;
    let (id, event) = reserved(1, 1);
    let first = open(&world, format!("INSERT INTO inbox VALUES ('payment', '{id}')")).await;
    let verdicts = meets(&world, first, RollBack, arrive(&world, &[event])).await;
    assert_eq!(applied(&verdicts), 1);
}

/// A replica that was given up for dead parks an event: its row and its inbox row are not committed when the next owner of the
/// partition gets the same event, and the one behind it.
#[tokio::test]
async fn nothing_overtakes_an_event_that_a_replica_given_up_for_dead_is_parking() {
    let world = start().await;
    let ((id, parked), (_, behind)) = (reserved(1, 1), reserved(1, 2));
    let key = Uuid::from_u128(1);
    let first = open(
        &world,
        format!(
            "WITH known AS (INSERT INTO inbox VALUES ('payment', '{id}'))
             INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", headers, attempts, due_at,
                                      held_at)
             VALUES ('{key}', '{id}', 'inventory.reserved', 'parked', 'inventory-events', 3, 1, '[]', 1, now(), now())"
        ),
    )
    .await;
    let verdicts = meets(&world, first, Commit, arrive(&world, &[parked, behind])).await;
    assert!(matches!(verdicts[..], [Repeat, Deferred(Queued)]), "{verdicts:?}");
    assert_eq!(world.count("SELECT count(*) FROM payments").await, 0);
}

#[tokio::test]
async fn a_new_row_that_another_is_writing_is_waited_for_and_read() {
    let world = start().await;
    let ((_, one), (_, other)) = (reserved(1, 1), reserved(2, 2));
    let key = Uuid::from_u128(1);
    let first = open(&world, format!("INSERT INTO payments (order_id, state) VALUES ('{key}', 'voided')")).await;
    let verdicts = meets(&world, first, Commit, arrive(&world, &[one, other])).await;
    assert_eq!(applied(&verdicts), 2, "{verdicts:?}");
    let states = world.texts("SELECT state FROM payments ORDER BY order_id").await;
    assert_eq!(states, ["voided", "capturing"], "a tombstone stays");
    assert_eq!(world.count("SELECT count(*) FROM intents").await, 1);
}

#[tokio::test]
async fn a_row_that_another_is_changing_is_waited_for_and_read_as_it_is_then() {
    let world = start().await;
    let key = Uuid::from_u128(1);
    arrive(&world, &[reserved(1, 1).1]).await;
    let call = call_of(&world, key).await;
    let first = open(&world, format!("UPDATE payments SET state = 'failed' WHERE order_id = '{key}'")).await;
    let verdict = meets(&world, first, Commit, world.answered(&call, yes())).await;
    assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
    assert_eq!(world.texts("SELECT state FROM payments").await, ["failed"]);
    assert_eq!(
        world.count("SELECT count(*) FROM intents WHERE last_error IS NOT NULL").await,
        1,
        "it stays, with the reason"
    );
}

#[tokio::test]
async fn an_answer_that_another_is_taking_is_waited_for_and_has_no_effect() {
    let world = start().await;
    let key = Uuid::from_u128(1);
    arrive(&world, &[reserved(1, 1).1]).await;
    let call = call_of(&world, key).await;
    let first = open(&world, format!("DELETE FROM intents WHERE aggregate_id = '{key}'")).await;
    let verdict = meets(&world, first, Commit, world.answered(&call, yes())).await;
    assert!(matches!(verdict, Gone), "{verdict:?}");
    assert_eq!(world.texts("SELECT state FROM payments").await, ["capturing"]);
}

#[tokio::test]
async fn a_message_that_another_is_setting_aside_is_waited_for_and_dead_lettered_once() {
    let world = start().await;
    let (junk, (_, good)) = (delivery(1, "k", b"junk".to_vec()), reserved(2, 2));
    let first = open(
        &world,
        "INSERT INTO dead_messages (topic, partition, \"offset\", digest, message_key, payload, headers, error_class,
                                    error_message, dead_at)
         VALUES ('inventory-events', 3, 1, md5('k'::bytea || '\\x00'::bytea || 'junk'::bytea), 'k', 'junk', '[]', 'envelope',
                 'no', now())"
            .to_owned(),
    )
    .await;
    let verdicts = meets(&world, first, Commit, arrive(&world, &[junk, good])).await;
    assert!(matches!(verdicts[..], [Dead, Applied(_)]), "{verdicts:?}");
    assert_eq!(world.count("SELECT count(*) FROM dead_messages").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 0, "the other one dead-letters it");
}

async fn call_of(world: &OneService<Payment>, order: Uuid) -> PendingCall {
    let id: Uuid = sqlx::query_scalar("SELECT id FROM intents WHERE aggregate_id = $1")
        .bind(order.to_string())
        .fetch_one(&world.pool)
        .await
        .expect("a call");
    world.handler().database.open_call(id).await.expect("the database is there").expect("an open call")
}

fn yes() -> Answer {
    Answer::Yes { detail: "ch_1".into() }
}

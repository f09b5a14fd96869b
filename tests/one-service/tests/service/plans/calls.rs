//! Payment: events, external calls and deferred events.

use choreography_core::{
    calls::{CallError, CallStore, give_back},
    delivery::Position,
    event_id::Ids,
    handler::Progress,
    input::{Inbound, Input, Origin, Verdict},
    participant::{Answer, Trigger},
    retry::{self, Limits},
    routes::{AnyEvent, AnyReply},
    store::{Database as _, DeferredStatus::Retrying, Stage, Writing},
    trace::TraceContext,
};
use chrono::TimeDelta;
use contracts::{ShippingCancelled, ShippingFailed};
use one_service::OneService;
use payment::Payment;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{are_right, relay::relay};
use crate::events::{arrive, defer, delivery, early_id, published, reserved, reserved_as, start};

/// Those of a relay apart.
pub const EXPECTED: &str = "
    all_of_them, amended, behind, calls_amended, calls_new, calls_postponed, calls_taken, changed, claimed,
    counted, dead_new, failed_again, fitting, free, deferred_now, inbox_new, later, released, locked, new, next,
    picked, queue, records, seen, waits, delete held_events, delete intents, delete messages_under_way, delete runs,
    insert dead_messages, insert held_events, insert inbox, insert intents, insert messages_under_way,
    insert payment_ledger, insert payments, insert runs, read held_events, read inbox, read intents,
    read messages_under_way, read payments, read runs, update held_events, update intents,
    update messages_under_way, update payments, update settled_calls";

const FILL: &str = "
    INSERT INTO payments (order_id, state) SELECT 'full ' || n, 'succeeded' FROM generate_series(1, 2000) n;
    INSERT INTO payment_ledger (order_id, kind, amount, currency, provider_id, at)
        SELECT 'full ' || n, 'captured', 1, 'EUR', 'p', now() FROM generate_series(1, 2000) n;";

const LIMITS: Limits = Limits { keys: 10, per_key: 10, bytes: 1_000_000 };

fn order(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// Captures of which the provider says yes, and something else a second time.
async fn capture(world: &OneService<Payment>, n: u128) {
    let (_, event) = reserved(n, n as i64);
    arrive(world, &[event.clone(), delivery(1_000 + n as i64, "k", b"junk".to_vec())]).await;
    arrive(world, &[event]).await;
    answer(world, n, Answer::Yes { detail: "ch_1".into() }).await;
    let failed = ShippingFailed { order_id: order(n), reason: "no carrier".into() };
    arrive(world, &[published(Uuid::now_v7(), &failed, n as i64)]).await;
}

/// The first answer to the call of an order, and one that comes late.
async fn answer(world: &OneService<Payment>, n: u128, answer: Answer) -> Verdict<AnyReply> {
    let open = "SELECT id FROM intents WHERE aggregate_id = $1";
    let id: Uuid = sqlx::query_scalar(open).bind(order(n).to_string()).fetch_one(&world.pool).await.expect("a call");
    let call = world.handler().database.open_call(id).await.expect("the database is there").expect("an open call");
    let verdict = world.answered(&call, answer).await;
    world.answered(&call, Answer::No { reason: "again".into() }).await;
    verdict
}

/// A charge that is called off, one whose answer is refused, and one without an answer.
async fn amend_and_postpone(world: &OneService<Payment>, n: u128) {
    let (cancelled, failed) = (100 + n, 200 + n);
    arrive(world, &[reserved(cancelled, 1).1, reserved(failed, 2).1]).await;
    let event = ShippingCancelled { order_id: order(cancelled), reason: "requested".into() };
    arrive(world, &[published(Uuid::now_v7(), &event, 3)]).await;
    let fail = format!("UPDATE payments SET state = 'failed' WHERE order_id = '{}'", order(failed));
    sqlx::raw_sql(AssertSqlSafe(fail)).execute(&world.pool).await.expect("it failed");
    let refused = answer(world, failed, Answer::Yes { detail: "ch_2".into() }).await;
    assert!(matches!(refused, Verdict::Refused(_)), "{refused:?}");
    let handler = world.handler();
    let claimed = CallStore::claim(&handler.database, 10, 1_000, TimeDelta::seconds(10)).await.expect("calls");
    let unanswered: Vec<_> =
        claimed.into_iter().map(|claimed| (claimed.call, CallError::Passing("busy".into()))).collect();
    give_back(&handler.database, &handler.policy.retry, &mut Ids::new(), &unanswered).await.expect("they wait");
}

/// Events that are parked, queue, come early, and are tried again.
async fn hold_and_retry(world: &OneService<Payment>, n: u128) {
    let (handler, key) = (world.handler(), order(300 + n));
    let failed = ShippingFailed { order_id: key, reason: "no carrier".into() };
    let verdicts = arrive(world, &[published(Uuid::now_v7(), &failed, 10)]).await;
    assert!(matches!(verdicts[..], [Verdict::Deferred(_)]), "{verdicts:?}");
    arrive(world, &[reserved(300 + n, 11).1, reserved_as(early_id(), 400 + n, 12)]).await;
    let number = "SELECT number FROM held_events WHERE key = $1 ORDER BY number";
    let number = sqlx::query_scalar(number).bind(key.to_string()).fetch_one(&world.pool).await.expect("it is deferred");
    let redriven = retry::redrive(&handler, &handler.database, &mut Ids::new(), number, LIMITS).await;
    redriven.expect("the database is there").expect("it is deferred").expect("it can be read");
    defer(world, 500 + n, Retrying).await;
    let retried = retry::step(&handler, &handler.database, &mut Ids::new(), LIMITS, false).await;
    let verdicts = retried.expect("the database is there").verdicts;
    assert!(matches!(verdicts[..], [Some(Verdict::Applied(None))]), "{verdicts:?}");
}

/// An event whose row another has locked for long: it is left.
async fn hurry(world: &OneService<Payment>, n: u128) {
    let mut other = world.pool.begin().await.expect("a transaction");
    let lock = format!("SELECT FROM payments WHERE order_id = '{}' FOR UPDATE", order(n));
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut other).await.expect("it is locked");
    let event = AnyEvent::new(ShippingCancelled { order_id: order(n), reason: "requested".into() });
    let (trace, origin) = (TraceContext::default(), Origin::Client);
    let input = Input { trigger: Trigger::Event(event), correlation_id: None, trace, origin };
    let mut progress = Progress::new(1);
    let mut inbound = [Inbound::Input(input)];
    world.handler().handle_at_once(&mut Ids::new(), &mut inbound, &mut progress).await.expect("the database is there");
    assert!(progress.verdicts[0].is_none(), "it is left");
}

/// What a process notes of the messages that it has under way, and how it counts events of a row that stays as it is.
async fn note(world: &OneService<Payment>, n: u128) {
    let database = world.handler().database;
    let at = Position { topic: "inventory-events".into(), partition: 3, offset: n as i64 };
    database.start_run("payment-0", TimeDelta::days(20)).await.expect("it runs");
    database.begin_messages(std::slice::from_ref(&at), Stage::Begun).await.expect("a note");
    database.crashes(std::slice::from_ref(&at)).await.expect("crashes");
    database.end_messages(&[at]).await.expect("no note");
    let events = [(order(n).to_string(), 9)].into();
    let lost = world.write(Writing { events, ..Writing::default() }).await;
    assert!(lost.expect("it is counted").is_nothing());
}

#[tokio::test]
async fn no_statement_for_events_calls_and_deferred_events_reads_a_table_whole() {
    let world = start().await;
    let inbound = async |n: u128| {
        capture(&world, n).await;
        amend_and_postpone(&world, n).await;
        hold_and_retry(&world, n).await;
        hurry(&world, n).await;
        note(&world, n).await;
        relay(&world).await;
    };
    are_right(&world, FILL, EXPECTED, inbound).await;
}

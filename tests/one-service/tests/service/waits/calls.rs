//! External calls that another transaction is answering, amending or postponing.

use choreography_core::{
    calls::answered,
    input::Verdict::{Applied, Gone, Refused},
    store::PendingCall,
};
use contracts::ShippingCancelled;
use one_service::OneService;
use payment::Payment;
use uuid::Uuid;

use super::{Commit, RollBack, call_of, meets, open, verdict, yes};
use crate::events::{arrive, reserved, start};

/// Of order 1 a charge is asked for.
async fn charging() -> (OneService<Payment>, PendingCall) {
    let world = start().await;
    arrive(&world, &[reserved(1, 1).1]).await;
    let call = call_of(&world, Uuid::from_u128(1)).await;
    (world, call)
}

fn cancelled() -> ShippingCancelled {
    ShippingCancelled { order_id: Uuid::from_u128(1), reason: "requested".into() }
}

/// The payment's state, and the steps of its open calls.
async fn stands(world: &OneService<Payment>) -> (Vec<String>, Vec<String>) {
    (world.texts("SELECT state FROM payments").await, world.texts("SELECT step FROM intents ORDER BY step").await)
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

const POSTPONE: &str = "UPDATE intents SET not_before = now() + interval '1 hour', last_error = 'busy'";

#[tokio::test]
async fn an_undo_waits_for_the_answer_that_another_is_taking_and_gives_back_what_was_charged() {
    let (world, _) = charging().await;
    let answer = "WITH paid AS (UPDATE payments SET state = 'succeeded', charge_id = 'ch_1') DELETE FROM intents";
    let first = open(&world, answer.to_owned()).await;
    let undone = meets(&world, first, Commit, world.told(cancelled())).await;
    assert!(matches!(verdict(undone), Applied(None)));
    assert_eq!(stands(&world).await, (texts(["refunding"]), texts(["refund"])));
}

#[tokio::test]
async fn an_answer_waits_for_the_undo_that_another_is_writing_and_the_money_goes_back() {
    let (world, call) = charging().await;
    let undo = "WITH undone AS (UPDATE payments SET state = 'capturing_undo')
                UPDATE intents SET request = '{\"amount\":200,\"currency\":\"EUR\",\"cancel\":true}'";
    let first = open(&world, undo.to_owned()).await;
    let taken = meets(&world, first, Commit, world.handle(answered(&call, yes()))).await;
    assert!(matches!(verdict(taken), Applied(None)));
    assert_eq!(stands(&world).await, (texts(["refunding"]), texts(["refund"])));
    assert_eq!(world.published().await, texts([]), "nothing is said to have succeeded");
}

#[tokio::test]
async fn a_call_to_amend_that_another_is_postponing_is_waited_for_and_made_at_once_as_amended() {
    let (world, _) = charging().await;
    let first = open(&world, POSTPONE.to_owned()).await;
    let undone = meets(&world, first, Commit, world.told(cancelled())).await;
    assert!(matches!(verdict(undone), Applied(None)));
    assert_eq!(stands(&world).await, (texts(["capturing_undo"]), texts(["charge"])));
    let due = "SELECT count(*) FROM intents WHERE not_before <= now() AND request::jsonb->>'cancel' = 'true'";
    assert_eq!(world.count(due).await, 1);
}

#[tokio::test]
async fn an_answered_call_that_another_is_amending_or_postponing_is_waited_for_and_taken() {
    let (world, call) = charging().await;
    let details = "SELECT details::text FROM payments";
    let details: String = sqlx::query_scalar(details).fetch_one(&world.pool).await.expect("what is to be paid");
    for change in [POSTPONE, "UPDATE intents SET request = request || ' '"] {
        let first = open(&world, change.to_owned()).await;
        let taken = meets(&world, first, Commit, world.handle(answered(&call, yes()))).await;
        assert!(matches!(verdict(taken), Applied(None)), "{change}");
        assert_eq!(stands(&world).await, (texts(["succeeded"]), texts([])), "{change}");
        let again = "WITH paid AS (UPDATE payments SET state = 'capturing', details = $3::jsonb), ledger AS (DELETE FROM payment_ledger)
                     INSERT INTO intents (id, aggregate_id, step, request, correlation_id, attempts, intended_at,
                                          not_before)
                     VALUES ($1, $2, 'charge', '{}', 's', 1, now(), now())";
        sqlx::query(again)
            .bind(call.id)
            .bind(&call.aggregate_id)
            .bind(&details)
            .execute(&world.pool)
            .await
            .expect("it is open again");
    }
}

/// An answer that the rules refuse stays open, unless another has taken it by then.
#[tokio::test]
async fn a_call_to_postpone_that_another_is_taking_is_waited_for_and_is_gone() {
    let (world, call) = charging().await;
    sqlx::query("UPDATE payments SET state = 'failed'").execute(&world.pool).await.expect("it failed");
    let take = "DELETE FROM intents";
    let first = open(&world, take.to_owned()).await;
    let refused = meets(&world, first, RollBack, world.handle(answered(&call, yes()))).await;
    assert!(matches!(verdict(refused), Refused(_)));
    assert_eq!(world.count("SELECT count(*) FROM intents WHERE last_error LIKE 'refused: %'").await, 1);
    let first = open(&world, take.to_owned()).await;
    let lost = meets(&world, first, Commit, world.handle(answered(&call, yes()))).await;
    assert!(matches!(verdict(lost), Gone));
    assert_eq!(stands(&world).await, (texts(["failed"]), texts([])));
}

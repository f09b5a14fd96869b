use std::time::Duration;

use choreography::Answer;
use futures::future::join_all;
use providers::{KeyedProvider, ProviderError};

use crate::{
    requests::{Charge, Refund, cancelled, charge, refund},
    world::{World, found},
};

#[tokio::test]
async fn the_same_key_from_many_callers_at_once_charges_once() {
    let world = World::new().await;
    let (one, other) = (world.sandbox(&[]).await, world.sandbox(&[]).await);
    let (provider, replica) = (one.provider(), other.provider());
    let request = charge(700, "tok_visa");
    let calls = (0..40).map(|i| (if i % 2 == 0 { &provider } else { &replica }).send("o1/capture", "o1", &request));
    let answers = join_all(calls).await;
    assert!(matches!(answers[0], Ok(Answer::Yes { .. })), "{:?}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(provider.find::<Charge>("o1/capture").await, answers[0].clone().map(Some));
    let ledger = one.get("/v1/ledger").await;
    assert_eq!(ledger["currencies"]["EUR"]["captured"], 700);
    assert_eq!(ledger["currencies"]["EUR"]["charges"], 1);
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused_with_409() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let first = provider.send("k", "o1", &charge(700, "tok_visa")).await;
    for other in [charge(701, "tok_visa"), charge(700, "tok_unacceptable"), charge(700, "tok_flaky")] {
        let other = provider.send("k", "o1", &other).await;
        assert!(matches!(other, Err(ProviderError::Refused { status: 409, .. })), "{other:?}");
    }
    assert_eq!(provider.find::<Charge>("k").await, first.map(Some));
}

#[tokio::test]
async fn a_silent_charge_is_no_answer_and_is_found_by_its_key() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    assert_eq!(provider.find::<Charge>("k").await, Ok(None));
    let impatient = sandbox.impatient_provider(Duration::from_millis(300));
    let silent = impatient.send("k", "o1", &charge(700, "tok_silent")).await;
    assert_eq!(silent, Err(ProviderError::TimedOut));
    let truth = found("the silent charge", || provider.find::<Charge>("k")).await;
    assert!(matches!(truth, Answer::Yes { .. }), "{truth:?}");
    assert_eq!(provider.send("k", "o1", &charge(700, "tok_silent")).await, Ok(truth));
}

#[tokio::test]
async fn a_silent_connection_is_closed_without_an_answer_and_a_late_one_is_answered() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[("SANDBOX_SILENT_MS", "50"), ("SANDBOX_LATE_MS", "50")]).await;
    let provider = sandbox.provider();
    let silent = provider.send("k1", "o1", &charge(700, "tok_silent")).await;
    assert!(matches!(silent, Err(ProviderError::Unreachable(_))), "{silent:?}");
    let late = provider.send("k2", "o1", &charge(700, "tok_late")).await;
    assert!(matches!(late, Ok(Answer::Yes { .. })), "{late:?}");
}

#[tokio::test]
async fn a_cancelled_key_never_charges() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    assert_eq!(provider.cancel::<Charge>("k").await, Ok(cancelled()));
    assert_eq!(provider.send("k", "o1", &charge(700, "tok_visa")).await, Ok(cancelled()));
    assert_eq!(provider.find::<Charge>("k").await, Ok(Some(cancelled())));
    assert_eq!(sandbox.get("/v1/ledger").await["currencies"], serde_json::json!({}));
}

#[tokio::test]
async fn a_charge_and_a_cancellation_at_once_come_to_one_answer() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    for i in 0..30 {
        let key = format!("k{i}");
        let request = charge(700, "tok_visa");
        let (charged, cancelled) = tokio::join!(provider.send(&key, "o1", &request), provider.cancel::<Charge>(&key));
        assert!(charged.is_ok(), "{charged:?}");
        assert_eq!(charged, cancelled);
    }
}

#[tokio::test]
async fn without_a_payment_method_or_with_a_declined_one_nothing_is_captured() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let mut without = charge(700, "");
    without.payment_method = None;
    let reason = "no payment method".to_owned();
    assert_eq!(provider.send("k1", "o1", &without).await, Ok(Answer::No { reason }));
    let declined = provider.send("k2", "o1", &charge(700, "tok_declined")).await;
    assert!(matches!(declined, Ok(Answer::No { .. })), "{declined:?}");
    assert_eq!(sandbox.get("/v1/ledger").await["currencies"], serde_json::json!({}));
}

#[tokio::test]
async fn refunds_at_once_never_give_back_more_than_was_captured() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let Ok(Answer::Yes { detail: charge_id }) = provider.send("k", "o1", &charge(100, "tok_visa")).await else {
        panic!("not charged");
    };
    let (request, provider_ref) = (refund(&charge_id, 30), &provider);
    let refunds = (0..10).map(|i| {
        let request = &request;
        async move { provider_ref.send(&format!("r{i}"), "o1", request).await }
    });
    let answers = join_all(refunds).await;
    let given_back = answers.iter().filter(|a| matches!(a, Ok(Answer::Yes { .. }))).count();
    let declined = answers.iter().filter(|a| matches!(a, Ok(Answer::No { .. }))).count();
    assert_eq!((given_back, declined), (3, 7), "{answers:?}");
    assert_eq!(provider.find::<Refund>("r0").await, answers[0].clone().map(Some));
    assert_eq!(sandbox.get("/v1/ledger").await["currencies"]["EUR"]["refunded"], 90);
}

#[tokio::test]
async fn a_flaky_refund_fails_twice_and_then_gives_back() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let Ok(Answer::Yes { detail: charge_id }) = provider.send("k", "o1", &charge(100, "tok_refund_flaky")).await else {
        panic!("not charged");
    };
    for _ in 0..2 {
        let failed = provider.send("r", "o1", &refund(&charge_id, 100)).await;
        assert!(matches!(failed, Err(ProviderError::Server { status: 503, .. })), "{failed:?}");
        assert_eq!(provider.find::<Refund>("r").await, Ok(None));
    }
    let refunded = provider.send("r", "o1", &refund(&charge_id, 100)).await;
    assert!(matches!(refunded, Ok(Answer::Yes { .. })), "{refunded:?}");
}

#[tokio::test]
async fn a_charge_that_is_worked_on_already_is_said_to_be_in_progress_and_is_made_once() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let request = charge(700, "tok_at_work");
    for _ in 0..2 {
        let at_work = provider.send("k", "o1", &request).await;
        assert!(matches!(at_work, Err(ProviderError::InProgress { .. })), "{at_work:?}");
        assert_eq!(provider.find::<Charge>("k").await, Ok(None));
    }
    assert!(matches!(provider.send("k", "o1", &request).await, Ok(Answer::Yes { .. })));
}

#[tokio::test]
async fn a_charge_that_is_never_taken_can_still_be_cancelled_by_its_key() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let request = charge(700, "tok_unacceptable");
    for _ in 0..3 {
        let refused = provider.send("k", "o1", &request).await;
        assert!(matches!(refused, Err(ProviderError::Refused { status: 422, .. })), "{refused:?}");
    }
    assert_eq!(provider.find::<Charge>("k").await, Ok(None));
    assert_eq!(provider.cancel::<Charge>("k").await, Ok(cancelled()));
    // A request that was stalled on its way arrives after the cancellation.
    assert_eq!(provider.send("k", "o1", &charge(700, "tok_visa")).await, Ok(cancelled()));
}

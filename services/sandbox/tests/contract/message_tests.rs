use std::time::Duration;

use choreography::Answer;
use futures::future::join_all;
use providers::{KeyedProvider, ProviderError};

use crate::{
    requests::{Message, message_to},
    world::{World, found},
};

#[tokio::test]
async fn the_same_key_from_many_callers_at_once_sends_once() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let mailer = sandbox.provider();
    let message = message_to("ada");
    let answers = join_all((0..20).map(|_| mailer.send("o1/tell", "o1", &message))).await;
    assert!(matches!(answers[0], Ok(Answer::Yes { .. })), "{:?}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let other = mailer.send("o1/tell", "o1", &message_to("bob")).await;
    assert!(matches!(other, Err(ProviderError::Refused { status: 409, .. })), "{other:?}");
    assert_eq!(sandbox.get("/v1/ledger").await["messages"], 1);

    let sandbox = sandbox.crash_and_restart().await;
    assert_eq!(sandbox.provider().find::<Message>("o1/tell").await, answers[0].clone().map(Some));
}

#[tokio::test]
async fn a_message_to_an_unknown_user_is_refused_and_not_sent() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let answer = sandbox.provider().send("k", "o1", &message_to("usr_unknown")).await;
    assert!(matches!(answer, Ok(Answer::No { .. })), "{answer:?}");
    assert_eq!(sandbox.get("/v1/ledger").await["messages"], 0);
}

#[tokio::test]
async fn a_flaky_message_fails_twice_and_a_silent_one_is_found_by_its_key() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let mailer = sandbox.provider();
    for _ in 0..2 {
        let failed = mailer.send("k1", "o1", &message_to("usr_flaky")).await;
        assert!(matches!(failed, Err(ProviderError::Server { status: 503, .. })), "{failed:?}");
        assert_eq!(mailer.find::<Message>("k1").await, Ok(None));
    }
    let sent = mailer.send("k1", "o1", &message_to("usr_flaky")).await;
    assert!(matches!(sent, Ok(Answer::Yes { .. })), "{sent:?}");

    let impatient = sandbox.impatient_provider(Duration::from_millis(300));
    assert_eq!(impatient.send("k2", "o1", &message_to("usr_silent")).await, Err(ProviderError::TimedOut));
    let truth = found("the silent message", || mailer.find::<Message>("k2")).await;
    assert_eq!(mailer.send("k2", "o1", &message_to("usr_silent")).await, Ok(truth));
}

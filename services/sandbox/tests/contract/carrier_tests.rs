use std::time::Duration;

use choreography::Answer;
use futures::future::join_all;
use providers::{KeyedProvider, ProviderError};

use crate::{
    requests::{Ship, parcel},
    world::{World, found},
};

#[tokio::test]
async fn the_same_key_from_many_callers_at_once_ships_once() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let carrier = sandbox.provider();
    let request = parcel(Some("Graz"));
    let answers = join_all((0..20).map(|_| carrier.send("o1/dispatch", "o1", &request))).await;
    assert!(matches!(answers[0], Ok(Answer::Yes { .. })), "{:?}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(carrier.find::<Ship>("o1/dispatch").await, answers[0].clone().map(Some));
    let other = carrier.send("o1/dispatch", "o1", &parcel(Some("Wien"))).await;
    assert!(matches!(other, Err(ProviderError::Refused { status: 409, .. })), "{other:?}");
    assert_eq!(sandbox.get("/v1/ledger").await["shipments"], 1);
}

#[tokio::test]
async fn without_an_address_or_to_nowhere_it_is_refused() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let carrier = sandbox.provider();
    for (key, city) in [("k1", None), ("k2", Some("Nowhere"))] {
        let answer = carrier.send(key, "o1", &parcel(city)).await;
        assert!(matches!(answer, Ok(Answer::No { .. })), "{answer:?}");
    }
    assert_eq!(sandbox.get("/v1/ledger").await["shipments"], 0);
}

#[tokio::test]
async fn flakytown_fails_twice_and_then_accepts_and_latetown_accepts() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[("SANDBOX_LATE_MS", "50")]).await;
    let carrier = sandbox.provider();
    for _ in 0..2 {
        let failed = carrier.send("k1", "o1", &parcel(Some("Flakytown"))).await;
        assert!(matches!(failed, Err(ProviderError::Server { status: 503, .. })), "{failed:?}");
        assert_eq!(carrier.find::<Ship>("k1").await, Ok(None));
    }
    for (key, city) in [("k1", "Flakytown"), ("k2", "Latetown")] {
        let answer = carrier.send(key, "o1", &parcel(Some(city))).await;
        assert!(matches!(answer, Ok(Answer::Yes { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn silentville_is_no_answer_and_is_found_by_its_key() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let impatient = sandbox.impatient_provider(Duration::from_millis(300));
    let silent = impatient.send("k", "o1", &parcel(Some("Silentville"))).await;
    assert_eq!(silent, Err(ProviderError::TimedOut));
    let carrier = sandbox.provider();
    let truth = found("the silent shipment", || carrier.find::<Ship>("k")).await;
    assert_eq!(carrier.send("k", "o1", &parcel(Some("Silentville"))).await, Ok(truth));
}

use std::time::Duration;

use choreography::Answer;
use futures::future::join_all;
use providers::{KeyedProvider, ProviderError};

use crate::{
    requests::{Charge, charge},
    world::{PATIENCE, World, found},
};

#[tokio::test]
async fn what_was_answered_before_kill_9_is_answered_the_same_after_it_and_charges_once() {
    let world = World::new().await;
    // Small batches, so that the kill comes between commits.
    let sandbox = world.sandbox(&[("SANDBOX_BATCH", "5")]).await;
    let keys: Vec<String> = (0..400).map(|i| format!("order-{i}/capture")).collect();
    let impatient = sandbox.impatient_provider(Duration::from_secs(5));
    let charges = keys.iter().map(|key| {
        let provider = impatient.clone();
        async move { provider.send(key, key, &charge(10, "tok_visa")).await }
    });
    let kill = async {
        found("the first charge", || impatient.find::<Charge>(&keys[0])).await;
        sandbox.process.kill().unwrap();
    };
    let (before, ()) = tokio::join!(join_all(charges), kill);
    let sandbox = sandbox.crash_and_restart().await;
    let provider = sandbox.provider();
    for (key, before) in keys.iter().zip(before) {
        let after = provider.send(key, key, &charge(10, "tok_visa")).await;
        assert!(matches!(after, Ok(Answer::Yes { .. })), "{key}: {after:?}");
        if before.is_ok() {
            assert_eq!(after, before, "{key}");
        }
    }
    let eur = sandbox.get("/v1/ledger").await["currencies"]["EUR"].clone();
    assert_eq!((eur["charges"].as_u64(), eur["captured"].as_u64()), (Some(400), Some(4000)));
}

#[tokio::test]
async fn a_flaky_keys_failed_tries_are_counted_across_kill_9() {
    let world = World::new().await;
    let mut sandbox = world.sandbox(&[]).await;
    let request = charge(700, "tok_flaky");
    for _ in 0..2 {
        let failed = sandbox.provider().send("k", "o1", &request).await;
        assert!(matches!(failed, Err(ProviderError::Server { status: 503, .. })), "{failed:?}");
        assert_eq!(sandbox.provider().find::<Charge>("k").await, Ok(None));
        sandbox = sandbox.crash_and_restart().await;
    }
    let charged = sandbox.provider().send("k", "o1", &request).await;
    assert!(matches!(charged, Ok(Answer::Yes { .. })), "{charged:?}");
}

#[tokio::test]
async fn sigterm_ends_the_process_although_a_silent_call_is_held_up() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let request = charge(700, "tok_silent");
    let stop = async {
        found("the silent charge", || provider.find::<Charge>("k")).await;
        sandbox.process.terminate().unwrap();
        sandbox.process.wait_exit(PATIENCE).await.unwrap()
    };
    let (silent, status) = tokio::join!(provider.send("k", "o1", &request), stop);
    assert!(silent.is_err(), "{silent:?}");
    assert!(status.success(), "{status}: {}", sandbox.process.log_tail(20));
    assert!(!sandbox.process.log_tail(20).contains("still open"), "{}", sandbox.process.log_tail(20));
}

//! What runs write down of the messages that they have under way, on a real PostgreSQL.

use choreography_core::{
    delivery::Position,
    store::{Crashes, Database, Stage},
};
use choreography_postgres::{Postgres, end_run};
use chrono::TimeDelta;
use one_service::OneService;
use payment::{MIGRATIONS, Payment};

const FORGET: TimeDelta = TimeDelta::days(20);

fn at(offset: i64) -> Position {
    Position { topic: "inventory-events".into(), partition: 3, offset }
}

/// A process of the service: its database knows the run by itself.
async fn start(world: &OneService<Payment>, instance: &str) -> (Postgres, bool) {
    let run = world.handler().database;
    let crashed = run.start_run(instance, FORGET).await.unwrap();
    (run, crashed)
}

#[tokio::test]
async fn what_a_run_had_under_way_counts_once_it_is_known_to_have_crashed() {
    let world = OneService::start(Payment, &MIGRATIONS).await;
    let all = [at(1), at(2), at(3)];
    let (first, crashed) = start(&world, "payment-0").await;
    assert!(!crashed, "nothing is known of an instance before");
    first.begin_messages(&all, Stage::Begun).await.unwrap();
    first.begin_messages(&all[..1], Stage::Decoded).await.unwrap();
    first.end_messages(&all[2..]).await.unwrap();
    let (other, _) = start(&world, "payment-1").await;
    assert_eq!(other.crashes(&all).await.unwrap(), [Crashes::default(); 3], "it may live");

    let (second, crashed) = start(&world, "payment-0").await;
    assert!(crashed);
    let once = |stage| Crashes { times: 1, stage };
    let found = second.crashes(&all).await.unwrap();
    assert_eq!(found, [once(Stage::Decoded), once(Stage::Begun), Crashes::default()]);

    second.begin_messages(&all[1..2], Stage::SettingAside).await.unwrap();
    let (third, _) = start(&world, "payment-0").await;
    let twice = Crashes { times: 2, stage: Stage::SettingAside };
    assert_eq!(third.crashes(&[at(2), at(9), at(1)]).await.unwrap(), [twice, Crashes::default(), once(Stage::Decoded)]);

    // Any member that gets through with it clears it.
    other.end_messages(&all).await.unwrap();
    assert_eq!(third.crashes(&all).await.unwrap(), [Crashes::default(); 3]);
}

#[tokio::test]
async fn a_run_that_ended_as_it_should_is_no_crash() {
    let world = OneService::start(Payment, &MIGRATIONS).await;
    let (first, _) = start(&world, "payment-0").await;
    first.begin_messages(&[at(1)], Stage::Begun).await.unwrap();
    end_run(&world.pool, "payment-0").await.unwrap();
    let (second, crashed) = start(&world, "payment-0").await;
    assert_eq!((crashed, second.crashes(&[at(1)]).await.unwrap()), (false, vec![Crashes::default()]));
}

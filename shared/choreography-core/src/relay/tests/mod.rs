//! The relay's step on an outbox and a broker in memory.

mod fed;
mod ranges;
mod world;

use std::time::Duration;

use world::{Broker, LEASE, Outbox, Relaying, UNREADABLE};

use super::*;

#[tokio::test]
async fn a_refused_row_stops_its_key_and_those_behind_it_go_in_order_once_it_is_released() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b", "t/a"]), Broker::default());
    broker.refused.insert(1);
    let mut relaying = Relaying::over(&outbox).await;
    let failed = relaying.step(&outbox, &mut broker).await;
    assert!(matches!(failed, Relayed::Failed { published: 1, stopped: 1, .. }), "{failed:?}");
    // The one behind it is left behind as well.
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::PassedOver { rows: 1 });
    assert_eq!((relaying.step(&outbox, &mut broker).await, outbox.marked()), (Relayed::Nothing, vec![2]));
    broker.refused.clear();
    // A relay that begins anew finds the key stopped as well.
    let mut successor = Relaying::over(&outbox).await;
    assert_eq!(successor.step(&outbox, &mut broker).await, Relayed::Nothing);
    outbox.stopped.lock().unwrap().clear();
    broker.published.clear();
    successor.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![1, 3], vec![1, 2, 3]));
}

#[tokio::test]
async fn a_topic_that_is_away_is_left_alone_looked_for_and_then_served() {
    let (outbox, mut broker) = (Outbox::with(&["away/a", "t/a", "away/b"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marked(), [2]);
    assert_eq!(relaying.relay.failing_topics().collect::<Vec<_>>(), ["away"]);
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::PassedOver { rows: 2 });
    assert_eq!((relaying.step(&outbox, &mut broker).await, broker.looked_for), (Relayed::Nothing, 0));
    relaying.wait(2);
    assert_eq!((relaying.step(&outbox, &mut broker).await, broker.looked_for), (Relayed::Nothing, 1));
    broker.away.clear();
    relaying.wait(5);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((outbox.marked(), relaying.relay.failing_topics().count()), (vec![1, 2, 3], 0));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_stops_its_key_before_what_stands_behind_it_is_sent() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b", "t/a"]), Broker::default());
    outbox.rows.lock().unwrap()[0].message.payload = Some(UNREADABLE.to_vec());
    let mut relaying = Relaying::over(&outbox).await;
    let failed = relaying.step(&outbox, &mut broker).await;
    assert!(matches!(failed, Relayed::Failed { published: 0, stopped: 1, .. }), "{failed:?}");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![2], vec![2]));
}

#[tokio::test]
async fn a_topic_that_is_there_again_and_that_another_relay_has_served_fails_no_more() {
    let (outbox, mut broker) = (Outbox::with(&["away/a"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    broker.away.clear();
    outbox.blocks.lock().unwrap().insert((1, 1));
    outbox.rows.lock().unwrap().clear();
    relaying.wait(2);
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::Nothing);
    assert_eq!(relaying.relay.failing_topics().count(), 0);
}

#[tokio::test]
async fn a_failed_delivery_makes_its_range_wait_and_no_other() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/bb", "t/a"]), Broker::default());
    broker.failing.insert(1);
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marked(), [2], "what was acknowledged behind a failure of its key is sent again");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(
        outbox.readings.lock().unwrap().last().unwrap().ranges.iter().map(|range| range.0).collect::<Vec<_>>(),
        [0, 2, 3],
        "its own waits"
    );
    broker.failing.clear();
    relaying.wait(1);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marked(), [1, 2, 3]);
}

#[tokio::test]
async fn a_relay_that_lost_its_leases_marks_nothing_and_claims_before_it_goes_on() {
    let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    *outbox.epoch.lock().unwrap() += 1;
    relaying.step(&outbox, &mut broker).await;
    assert!(relaying.relay.has_lost_leases() && outbox.marked().is_empty());
    relaying.relay.claim(&outbox, LEASE).await.unwrap();
    relaying.step(&outbox, &mut broker).await;
    assert!(!relaying.relay.has_lost_leases());
    assert_eq!((broker.published, outbox.marked()), (vec![1, 1], vec![1]));
}

#[test]
fn a_range_gives_its_share_of_a_read_at_most() {
    let reading = |ranges: i32| Reading {
        ranges: (0..ranges).map(|range| (range, 0)).collect(),
        done: Vec::new(),
        without_topics: Vec::new(),
        rows: 100,
        bytes: 1,
    };
    assert_eq!([0, 1, 3, 12, 200].map(|ranges| reading(ranges).rows_per_range()), [100, 100, 34, 9, 1]);
}

#[test]
fn relays_share_all_ranges_evenly() {
    assert_eq!([1, 2, 3, 5, 12, 13].map(|relays| fair_share(12, relays)), [12, 6, 4, 3, 1, 1]);
    assert_eq!(fair_share(12, 0), 12);
}

#[tokio::test]
async fn leases_are_known_to_be_lost_whichever_of_the_writes_is_refused() {
    let step = async |is_taken: bool, is_taken_after_marking: bool| {
        let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
        broker.refused.insert(1);
        let mut relaying = Relaying::over(&outbox).await;
        *outbox.epoch.lock().unwrap() += i64::from(is_taken);
        *outbox.is_taken_after_marking.lock().unwrap() = is_taken_after_marking;
        relaying.step(&outbox, &mut broker).await;
        (outbox.marked(), outbox.stopped.lock().unwrap().len(), relaying.relay.has_lost_leases())
    };
    assert_eq!(step(false, false).await, (vec![2], 1, false));
    assert_eq!(step(true, false).await, (vec![], 0, true));
    assert_eq!(step(false, true).await, (vec![2], 0, true));
}

#[tokio::test]
async fn leases_are_known_to_be_lost_by_a_row_that_cannot_be_read() {
    for (taken, lost) in [(0, false), (1, true)] {
        let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
        outbox.rows.lock().unwrap()[0].message.payload = Some(UNREADABLE.to_vec());
        let mut relaying = Relaying::over(&outbox).await;
        *outbox.epoch.lock().unwrap() += taken;
        let failed = relaying.step(&outbox, &mut broker).await;
        assert!(matches!(&failed, Relayed::Failed { error, .. } if error.to_string().contains("no headers")));
        assert_eq!(relaying.relay.has_lost_leases(), lost);
    }
}

#[tokio::test]
async fn a_relay_says_when_what_waits_is_tried_again() {
    let (outbox, mut broker) = (Outbox::with(&["away/a"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    assert_eq!(relaying.relay.next_try(Duration::ZERO), None);
    relaying.wait(5);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(relaying.relay.next_try(Duration::from_millis(5_600)), Some(Duration::from_millis(400)));
}

#[tokio::test]
async fn a_relay_that_gives_its_leases_back_holds_no_range() {
    let outbox = Outbox::with(&["t/a"]);
    let mut relaying = Relaying::over(&outbox).await;
    assert_eq!(relaying.relay.ranges(), [0, 1, 2, 3]);
    relaying.relay.release(&outbox).await.unwrap();
    assert_eq!((relaying.relay.ranges(), outbox.released.lock().unwrap().len()), (vec![], 1));
    assert_eq!(relaying.step(&outbox, &mut Broker::default()).await, Relayed::Nothing);
}

//! What is written down of the ranges.

use super::world::{Broker, LEASE, Outbox, Relaying};
use crate::relay::Relayed;

/// What is written down of range 1 (all of it, up to which number, and what beyond that).
fn written(outbox: &Outbox) -> (i64, Vec<i64>) {
    let through = outbox.through.lock().unwrap().get(&1).copied().unwrap_or_default();
    (
        through,
        outbox.blocks.lock().unwrap().iter().filter(|(range, _)| *range == 1).map(|(_, number)| *number).collect(),
    )
}

#[tokio::test]
async fn a_row_that_comes_into_sight_after_higher_numbers_were_published_is_published_too() {
    let (outbox, mut broker) = (Outbox::default(), Broker::default());
    // The transaction that drew number 1 has not committed yet.
    *outbox.is_open.lock().unwrap() = true;
    outbox.append_as(2, "t/a");
    outbox.append_as(3, "t/b");
    let mut relaying = Relaying::over(&outbox).await;
    for _ in 0..3 {
        relaying.step(&outbox, &mut broker).await;
    }
    assert_eq!((&broker.published, written(&outbox)), (&vec![2, 3], (0, vec![2, 3])));
    outbox.append_as(1, "t/c");
    *outbox.is_open.lock().unwrap() = false;
    let mut successor = Relaying::over(&outbox).await;
    successor.step(&outbox, &mut broker).await;
    assert_eq!((&broker.published, outbox.marked()), (&vec![2, 3, 1], vec![1, 2, 3]));
}

#[tokio::test]
async fn blocks_go_once_all_before_them_is_done_with() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (0, vec![1, 2]));
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (0, vec![1, 2]), "more may come at once");
    relaying.wait(1);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (2, vec![]));
    let marks = outbox.marks.lock().unwrap().len();
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.marks.lock().unwrap().len(), marks, "there is nothing more to write down");
    outbox.append("t/a");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((written(&outbox), outbox.readings.lock().unwrap().last().unwrap().ranges[1]), ((2, vec![3]), (1, 2)));
}

#[tokio::test]
async fn a_relay_that_begins_anew_goes_on_where_another_came_to() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
    *outbox.is_open.lock().unwrap() = true;
    Relaying::over(&outbox).await.step(&outbox, &mut broker).await;
    let mut successor = Relaying::over(&outbox).await;
    assert_eq!(successor.step(&outbox, &mut broker).await, Relayed::Nothing);
    assert_eq!(broker.published, [1, 2]);
}

#[tokio::test]
async fn a_relay_that_lost_a_lease_reads_its_range_no_more_before_it_has_claimed() {
    let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    *outbox.epoch.lock().unwrap() += 1;
    relaying.step(&outbox, &mut broker).await;
    outbox.append("t/a");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(broker.published, [1], "the second row may stand behind one that the other relay has not sent");
    relaying.relay.claim(&outbox, LEASE).await.unwrap();
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![1, 1, 2], vec![1, 2]));
}

#[tokio::test]
async fn what_comes_behind_a_row_that_was_left_behind_waits_until_that_is_published() {
    let (outbox, mut broker) = (Outbox::with(&["away/a", "t/b"]), Broker::default());
    broker.away.insert("away".into());
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    relaying.step(&outbox, &mut broker).await;
    outbox.append("away/a");
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(outbox.left.lock().unwrap().iter().map(|row| row.1).collect::<Vec<_>>(), [1, 3]);
    broker.away.clear();
    relaying.wait(20);
    relaying.step(&outbox, &mut broker).await;
    relaying.step(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![2, 1, 3], vec![1, 2, 3]));
    assert!(outbox.left.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_row_that_was_stopped_is_passed_for_good_though_its_range_is_quiet() {
    let (outbox, mut broker) = (Outbox::with(&["t/a"]), Broker::default());
    broker.refused.insert(1);
    let mut relaying = Relaying::over(&outbox).await;
    relaying.step(&outbox, &mut broker).await;
    relaying.wait(1);
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(written(&outbox), (1, vec![]));
    // Discarded: only the block records it.
    outbox.left.lock().unwrap().clear();
    outbox.stopped.lock().unwrap().clear();
    broker.refused.clear();
    assert_eq!(Relaying::over(&outbox).await.step(&outbox, &mut broker).await, Relayed::Nothing);
}

#[tokio::test]
async fn a_transaction_that_writes_elsewhere_keeps_no_numbers() {
    let (outbox, mut broker) = (Outbox::with(&["t/a", "t/b"]), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    *outbox.is_open.lock().unwrap() = true;
    relaying.step(&outbox, &mut broker).await;
    for _ in 0..3 {
        relaying.wait(1);
        relaying.step(&outbox, &mut broker).await;
    }
    assert_eq!(written(&outbox), (0, vec![1, 2]), "it writes to the outbox");
    *outbox.writes_elsewhere.lock().unwrap() = true;
    for _ in 0..2 {
        relaying.wait(1);
        relaying.step(&outbox, &mut broker).await;
    }
    assert_eq!(written(&outbox), (2, vec![]));
}

//! Rows that come past the table.

use super::{
    world::{Broker, LEASE, Outbox, Relaying},
    *,
};

/// A relay that has looked into the table before; then these messages `topic/key` are committed.
async fn after_a_look(messages: &[&str]) -> (Outbox, Broker, Relaying) {
    let (outbox, mut broker) = (Outbox::default(), Broker::default());
    let mut relaying = Relaying::over(&outbox).await;
    assert_eq!(relaying.step(&outbox, &mut broker).await, Relayed::Nothing);
    messages.iter().for_each(|message| outbox.append(message));
    (outbox, broker, relaying)
}

fn hand_on(outbox: &Outbox, relaying: &Relaying, numbers: &[i64]) {
    let rows = outbox.rows.lock().unwrap();
    relaying.feed.offer(rows.iter().filter(|row| numbers.contains(&row.number)).cloned());
}

fn reads(outbox: &Outbox) -> usize {
    outbox.readings.lock().unwrap().len()
}

#[tokio::test]
async fn what_is_handed_on_is_published_without_reading_and_written_down_soon() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a", "t/b", "t/a"]).await;
    relaying.wait(5);
    relaying.step(&outbox, &mut broker).await;
    broker.published.clear();
    outbox.append("t/c");
    hand_on(&outbox, &relaying, &[4]);
    let before = reads(&outbox);
    let published = relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!((published, &broker.published[..]), (Relayed::Published { rows: 1, marked: 1 }, &[4][..]));
    assert_eq!((reads(&outbox), outbox.marked()), (before, vec![1, 2, 3]));
    assert_eq!(relaying.relay.next_try(Duration::from_secs(5)), Some(Duration::from_millis(100)));
    relaying.wait(1);
    assert_eq!(relaying.step_fed(&outbox, &mut broker).await, Relayed::Nothing);
    assert_eq!((broker.published, outbox.marked()), (vec![4], vec![1, 2, 3, 4]));
}

#[tokio::test]
async fn the_event_that_another_replica_committed_before_goes_first() {
    // B commits the first, and A, whose relay this is, the second; A has not heard of B's.
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a", "t/a", "t/b"]).await;
    hand_on(&outbox, &relaying, &[2, 3]);
    relaying.step_fed(&outbox, &mut broker).await;
    relaying.step_fed(&outbox, &mut broker).await;
    let place = |number| broker.published.iter().position(|published| *published == number).unwrap();
    assert!(place(1) < place(2), "{:?}", broker.published);
    assert_eq!(broker.published.len(), 3, "each once: {:?}", broker.published);
    outbox.append("t/a");
    hand_on(&outbox, &relaying, &[4]);
    let before = reads(&outbox);
    relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!((broker.published.last(), reads(&outbox)), (Some(&4), before), "what the table gave counts as well");
}

#[tokio::test]
async fn what_kafka_does_not_take_keeps_all_of_its_aggregate_until_the_table_is_read() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a", "t/a", "t/bb"]).await;
    broker.failing.insert(1);
    hand_on(&outbox, &relaying, &[1, 3]);
    let failed = relaying.step_fed(&outbox, &mut broker).await;
    assert!(matches!(failed, Relayed::Failed { published: 1, stopped: 0, .. }), "{failed:?}");
    hand_on(&outbox, &relaying, &[2]);
    assert_eq!(relaying.step_fed(&outbox, &mut broker).await, Relayed::Nothing);
    broker.failing.clear();
    relaying.wait(1);
    relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!(broker.published, [3, 1, 2]);
}

#[tokio::test]
async fn what_kafka_refuses_stops_its_aggregate_also_where_it_was_handed_on() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a", "t/a", "t/b"]).await;
    broker.refused.insert(1);
    hand_on(&outbox, &relaying, &[1, 2, 3]);
    // All three were sent at once, so the second is refused with the first.
    broker.refused.insert(2);
    let failed = relaying.step_fed(&outbox, &mut broker).await;
    assert!(matches!(failed, Relayed::Failed { published: 1, stopped: 1, .. }), "{failed:?}");
    assert_eq!(outbox.stopped.lock().unwrap().keys().collect::<Vec<_>>(), [&1]);
    broker.refused.clear();
    relaying.step(&outbox, &mut broker).await;
    assert_eq!(broker.published, [3], "what stands behind it waits");
}

#[tokio::test]
async fn a_relay_that_loses_its_lease_marks_nothing_and_sends_nothing_more_of_what_was_handed_on() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a"]).await;
    hand_on(&outbox, &relaying, &[1]);
    relaying.step_fed(&outbox, &mut broker).await;
    *outbox.epoch.lock().unwrap() += 1;
    relaying.wait(1);
    relaying.step_fed(&outbox, &mut broker).await;
    assert!(relaying.relay.has_lost_leases());
    outbox.append("t/b");
    hand_on(&outbox, &relaying, &[2]);
    relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!((broker.published, outbox.marked()), (vec![1], vec![]));
}

#[tokio::test]
async fn rows_of_others_are_found_after_a_while_although_no_wake_up_came() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a", "t/b"]).await;
    hand_on(&outbox, &relaying, &[2]);
    relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!(broker.published, [2]);
    relaying.wait(1);
    relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!(broker.published, [2, 1]);
}

#[tokio::test]
async fn a_relay_that_ends_writes_down_what_kafka_has() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a"]).await;
    hand_on(&outbox, &relaying, &[1]);
    relaying.step_fed(&outbox, &mut broker).await;
    relaying.relay.release(&outbox).await.unwrap();
    assert_eq!(outbox.marked(), [1]);
}

#[tokio::test]
async fn what_is_handed_on_while_something_fails_takes_no_room_beyond_the_feeds() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["away/a"]).await;
    broker.away.insert("away".into());
    relaying.step(&outbox, &mut broker).await;
    for number in 2..200 {
        outbox.append(&format!("t/{number}"));
        hand_on(&outbox, &relaying, &[number]);
        relaying.step_fed(&outbox, &mut broker).await;
    }
    assert_eq!(broker.published.len(), 198, "the table has them all");
    assert!(relaying.relay.holds_nothing());
}

#[tokio::test]
async fn what_a_relay_knew_counts_no_more_once_its_ranges_have_another_epoch() {
    let (outbox, mut broker, mut relaying) = after_a_look(&["t/a"]).await;
    hand_on(&outbox, &relaying, &[1]);
    relaying.step_fed(&outbox, &mut broker).await;
    // Another server, which lacks what was committed last, draws its number again; the old rows are still on their way here.
    hand_on(&outbox, &relaying, &[1]);
    outbox.rows.lock().unwrap().clear();
    *outbox.epoch.lock().unwrap() += 1;
    outbox.append("t/b");
    relaying.relay.claim(&outbox, LEASE).await.unwrap();
    broker.published.clear();
    relaying.step_fed(&outbox, &mut broker).await;
    relaying.step_fed(&outbox, &mut broker).await;
    assert_eq!((broker.published.len(), outbox.marked()), (1, vec![1]), "the new row, once");
}

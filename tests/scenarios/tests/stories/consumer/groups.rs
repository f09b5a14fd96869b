//! Members that come and go, whether a member or the broker assigns the partitions.

use std::time::Duration;

use choreography_core::delivery::Delivery;
use choreography_kafka::GroupProtocol;

use super::{Broker, Member, numbered, offsets, with_broker};

const PARTITIONS: i32 = 4;

/// All poll until each has so many partitions; what each got meanwhile.
async fn share(members: &mut [&mut Member], partitions: &[usize]) -> Vec<Vec<Delivery>> {
    let mut got = vec![Vec::new(); members.len()];
    loop {
        let mut owned = Vec::new();
        for (member, got) in members.iter_mut().zip(&mut got) {
            got.extend(member.until("an answer of Kafka", |_, snapshot| snapshot.contact_age.is_some()).await);
            owned.push(member.state.snapshot());
        }
        if owned.iter().map(|snapshot| snapshot.partitions).eq(partitions.iter().copied()) {
            assert!(owned.iter().all(|snapshot| snapshot.joined), "{owned:?}");
            return got;
        }
    }
}

/// What was read and not committed comes again to the member that has the partition next, and nothing before it.
async fn until_the_second_of_each(member: &mut Member, mut got: Vec<Delivery>, partitions: usize) {
    let missing = partitions.saturating_sub(got.len());
    got.extend(member.until("what was not committed", |more, _| more.len() >= missing).await);
    let of_each: Vec<Vec<i64>> = (0..PARTITIONS).map(|partition| offsets(&got, partition)).collect();
    assert_eq!(of_each.iter().filter(|offsets| **offsets == [1]).count(), partitions, "{of_each:?}");
    assert_eq!(got.len(), partitions, "{of_each:?}");
}

async fn they_share_and_hand_over(broker: &Broker, topic: &str, protocol: GroupProtocol) {
    broker.topic(topic, PARTITIONS).await;
    let mut first = broker.join_by(topic, &[topic], protocol).await;
    share(&mut [&mut first], &[4]).await;
    for partition in 0..PARTITIONS {
        broker.send(topic, partition, "none", &numbered(2));
    }
    first.until("all messages", |got, _| got.len() == 8).await;
    for partition in 0..PARTITIONS {
        first.commit(topic, partition, 1).await;
    }
    let mut second = broker.join_by(topic, &[topic], protocol).await;
    let mut got = share(&mut [&mut first, &mut second], &[2, 2]).await;
    until_the_second_of_each(&mut second, got.remove(1), 2).await;
    first.consumer.leave().await;
    // What the second has read itself stays read.
    let mut got = share(&mut [&mut second], &[4]).await;
    until_the_second_of_each(&mut second, got.remove(0), 2).await;
    second.consumer.leave().await;
}

#[test]
fn members_that_agree_among_themselves_share_and_hand_over() {
    let protocol = GroupProtocol::Classic { session_timeout: Duration::from_secs(6) };
    with_broker(|broker| they_share_and_hand_over(broker, "shared-by-members", protocol));
}

#[test]
fn members_whose_partitions_the_broker_assigns_share_and_hand_over() {
    with_broker(|broker| they_share_and_hand_over(broker, "shared-by-the-broker", GroupProtocol::Consumer));
}

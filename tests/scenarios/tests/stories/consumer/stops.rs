//! What can't be read stops its partition, and is never skipped.

use std::path::PathBuf;

use choreography_kafka::Stop;
use rdkafka::{Offset, TopicPartitionList};

use super::{Broker, Member, numbered, offsets, with_broker};

/// Deletes what stands before an offset, as retention does.
async fn delete_before(broker: &Broker, topic: &str, partition: i32, offset: i64) {
    let (admin, options) = broker.admin();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("an offset");
    admin.delete_records(&list, &options).await.expect("the records are deleted");
}

#[test]
fn an_offset_out_of_range_stops_its_partition_although_others_have_a_backlog() {
    with_broker(|broker| async {
        let topic = "out-of-range";
        broker.topic(topic, 2).await;
        broker.send(topic, 0, "none", &numbered(5));
        broker.send(topic, 1, "none", &numbered(1));
        let mut member = broker.join("out-of-range", &[topic]).await;
        member.until("both partitions", |got, _| got.len() == 6).await;
        member.commit(topic, 0, 5).await;
        member.commit(topic, 1, 1).await;
        member.consumer.leave().await;

        // A long outage: what came meanwhile is gone in one partition, and a backlog waits in the other.
        broker.send(topic, 0, "none", &numbered(20));
        broker.send(topic, 1, "none", &numbered(3_000));
        delete_before(broker, topic, 0, 15).await;
        let mut member = broker.join("out-of-range", &[topic]).await;
        let enough = |got: &[_], seen: &choreography_kafka::Snapshot| got.len() >= 3_000 && !seen.stopped.is_empty();
        let got = member.until("the backlog, and the stop", enough).await;
        assert_eq!(offsets(&got, 0), [0; 0], "nothing is skipped");
        assert_eq!(offsets(&got, 1), (1..3_001).collect::<Vec<_>>());
        let snapshot = member.state.snapshot();
        let stopped = &snapshot.stopped[0];
        assert_eq!((stopped.topic.as_str(), stopped.partition, stopped.offset), (topic, 0, 5));
        assert_eq!(stopped.why, Stop::OutOfRange);
        assert!(snapshot.problem().is_some_and(|problem| problem.contains("out-of-range[0]")), "{snapshot:?}");
        member.consumer.leave().await;
    });
}

/// The segment with a partition's messages.
fn segment(broker: &Broker, topic: &str) -> PathBuf {
    broker.dir.path().join(format!("kafka/data/{topic}-0/00000000000000000000.log"))
}

/// Overwrites the last byte of the batch with this base offset.
fn corrupt(path: &std::path::Path, offset: i64) {
    let mut bytes = std::fs::read(path).expect("the segment can be read");
    let mut at = 0;
    loop {
        let number =
            |from: usize, to: usize| bytes[from..to].iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
        let (base, length) = (number(at, at + 8), number(at + 8, at + 12));
        let end = at + 12 + usize::try_from(length).expect("a length");
        if base == offset {
            bytes[end - 1] ^= 0xff;
            bytes[end - 20] ^= 0xff;
            break;
        }
        at = end;
    }
    std::fs::write(path, bytes).expect("the segment can be written");
}

async fn stops_at_two(member: &mut Member, topic: &str, first: i64) {
    let got = member.until("the stop", |_, seen| !seen.stopped.is_empty()).await;
    assert_eq!(
        offsets(&got, 0),
        (first..2).collect::<Vec<_>>(),
        "what stands before it comes, what stands behind it does not"
    );
    let snapshot = member.state.snapshot();
    let stopped = &snapshot.stopped[0];
    assert_eq!(
        (stopped.topic.as_str(), stopped.partition, stopped.offset, stopped.why),
        (topic, 0, 2, Stop::Unreadable)
    );
    assert_eq!(snapshot.problem(), None, "one bad batch takes no API out of service");
    assert!(snapshot.standing().contains("degraded"), "{}", snapshot.standing());
}

#[test]
fn a_corrupt_batch_stops_its_partition_and_its_position_does_not_pass_it() {
    with_broker(|broker| async {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let topic = format!("corrupt-{codec}");
            broker.topic(&topic, 1).await;
            let payloads: Vec<Vec<u8>> = (0..5_u8).map(|number| vec![number; 2_000]).collect();
            broker.send(&topic, 0, codec, &payloads);
            corrupt(&segment(broker, &topic), 2);
            let mut member = broker.join(&topic, &[&topic]).await;
            stops_at_two(&mut member, &topic, 0).await;
            member.commit(&topic, 0, 2).await;
            member.consumer.leave().await;
            // Neither does a restart.
            let mut member = broker.join(&topic, &[&topic]).await;
            stops_at_two(&mut member, &topic, 2).await;
            member.consumer.leave().await;
        }
    });
}

#[test]
fn a_batch_that_is_larger_than_is_taken_stops_its_partition() {
    with_broker(|broker| async {
        for codec in ["zstd", "lz4"] {
            let topic = format!("too-large-{codec}");
            broker.topic(&topic, 1).await;
            let small = vec![b'x'; 10];
            broker.send(&topic, 0, codec, &[small.clone(), small.clone(), vec![b'x'; 40 << 20], small]);
            let mut member = broker.join(&topic, &[&topic]).await;
            stops_at_two(&mut member, &topic, 0).await;
            member.consumer.leave().await;
        }
    });
}

//! Topics that grow, and topics that are deleted and made anew.

use rdkafka::admin::NewPartitions;

use super::{numbered, offsets, with_broker};

#[test]
fn partitions_that_are_added_are_found_without_a_restart() {
    with_broker(|broker| async {
        let topic = "growing";
        broker.topic(topic, 1).await;
        broker.send(topic, 0, "none", &numbered(1));
        let mut member = broker.join("growing", &[topic]).await;
        member.until("the first partition", |got, _| got.len() == 1).await;
        let (admin, options) = broker.admin();
        admin.create_partitions(&[NewPartitions::new(topic, 3)], &options).await.expect("it grows");
        broker.topic(topic, 3).await;
        for partition in 1..3 {
            broker.send(topic, partition, "none", &numbered(2));
        }
        let got = member.until("the new partitions", |got, _| got.len() == 4).await;
        assert_eq!((offsets(&got, 1), offsets(&got, 2)), (vec![0, 1], vec![0, 1]), "from their beginning");
        member.consumer.leave().await;
    });
}

#[test]
fn a_topic_that_was_deleted_and_made_anew_is_read_on_without_a_restart() {
    with_broker(|broker| async {
        let topic = "made-anew";
        broker.topic(topic, 1).await;
        broker.send(topic, 0, "none", &numbered(50));
        let mut member = broker.join("made-anew", &[topic]).await;
        member.until("what the topic had", |got, _| got.len() == 50).await;
        member.commit(topic, 0, 50).await;

        let (admin, options) = broker.admin();
        admin.delete_topics(&[topic], &options).await.expect("it is deleted");
        broker.topic(topic, 1).await;
        broker.send(topic, 0, "none", &numbered(3));
        let got = member.until("what the new topic has", |got, _| got.len() == 3).await;
        assert_eq!(offsets(&got, 0), [0, 1, 2]);
        member.until("all is well again", |_, seen| seen.problem().is_none()).await;
        member.consumer.leave().await;
    });
}

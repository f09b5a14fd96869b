//! A broker that stood still until it was taken for dead.

use std::time::Duration;

use super::{Broker, numbered, offsets, runtime};

/// Twice the broker's session: its controller fences it, and may tell clients that there are no brokers at all. The last
/// time it is so long that the member gives its client up and joins with another.
const FROZEN: [Duration; 3] = [Duration::from_secs(6), Duration::from_secs(6), Duration::from_secs(40)];

#[test]
fn a_member_reads_on_each_time_its_broker_was_fenced_and_is_back() {
    runtime().block_on(async {
        // The others' broker does not stand still for this.
        let broker = Broker::start().await;
        let topic = "frozen";
        broker.topic(topic, 1).await;
        let mut member = broker.join("frozen", &[topic]).await;
        for (offset, frozen) in (0..).zip(FROZEN) {
            broker.send(topic, 0, "none", &numbered(1));
            let got = member.until("a message before the broker stands still", |got, _| !got.is_empty()).await;
            assert_eq!(offsets(&got, 0), [offset]);
            member.commit(topic, 0, offset + 1).await;
            broker.kafka.pause().expect("it stands still");
            // Not a wait for something: it is how long the broker is gone.
            tokio::time::sleep(frozen).await;
            broker.kafka.resume().expect("it goes on");
        }
        broker.send(topic, 0, "none", &numbered(1));
        let got = member.until("a message after the broker is back", |got, _| !got.is_empty()).await;
        assert_eq!(offsets(&got, 0), [3]);
        member.until("all is well again", |_, seen| seen.problem().is_none()).await;
        member.consumer.leave().await;
    });
}

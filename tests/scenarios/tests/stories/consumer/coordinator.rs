//! A member that can't reach the coordinator of its group, while the brokers that have its partitions are well. With
//! `group.protocol=consumer` it goes on reading what it had, and can't commit.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use choreography_core::{broker::EventConsumer, delivery::Position};
use choreography_kafka::{Connection, GroupProtocol};
use harness::{CONSUMER_GROUP_HEARTBEAT, KafkaProxy, Loss, OF_THE_COORDINATOR, OFFSET_COMMIT};
use local::KafkaOptions;

use super::{Broker, Member, PATIENCE, numbered, runtime};

const PARTITIONS: i32 = 2;
/// Longer than these stories keep the coordinator away.
const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_secs(6);

/// A broker that members reach through a proxy, or directly.
struct Proxied {
    broker: Broker,
    proxy: KafkaProxy,
}

impl Proxied {
    /// `session`: a member of which the coordinator hears nothing for so long is out of the group.
    async fn start(session: Duration) -> Self {
        let proxy = KafkaProxy::nowhere().await.expect("a proxy");
        let milliseconds = |name: &str, time: Duration| (name.to_owned(), time.as_millis().to_string());
        let properties = vec![
            milliseconds("group.consumer.min.session.timeout.ms", session),
            milliseconds("group.consumer.session.timeout.ms", session),
            milliseconds("group.consumer.max.session.timeout.ms", session),
            milliseconds("group.consumer.min.heartbeat.interval.ms", Duration::from_secs(1)),
            milliseconds("group.consumer.heartbeat.interval.ms", Duration::from_secs(1)),
        ];
        let options = KafkaOptions { properties, proxy: Some(proxy.address), ..KafkaOptions::default() };
        let broker = Broker::start_with(options).await;
        proxy.lead(broker.kafka.behind_proxy().expect("it listens for the proxy"));
        Self { broker, proxy }
    }

    /// A member of the group that has the topic's name. It comes by the proxy.
    fn join(&self, topic: &str) -> Reader {
        Reader::join(&Connection::plain(self.proxy.address.to_string()), topic)
    }

    fn join_directly(&self, topic: &str) -> Reader {
        Reader::join(self.broker.kafka.connection(), topic)
    }

    /// A message for each partition.
    fn send(&self, topic: &str) {
        (0..PARTITIONS).for_each(|partition| self.broker.send(topic, partition, "none", &numbered(1)));
    }

    async fn committed(&self, topic: &str) -> Vec<i64> {
        self.broker.committed(topic, topic, PARTITIONS).await
    }

    fn lost_heartbeats(&self) -> usize {
        self.proxy.held_back(CONSUMER_GROUP_HEARTBEAT)
    }
}

/// A member that is at once done with what it reads, and asks for its offsets to be committed until they are.
struct Reader {
    topic: String,
    member: Member,
    got: Vec<(i32, i64)>,
    /// Of each partition, from which assignment it was read, and what is to be committed.
    open: BTreeMap<i32, (Option<u64>, i64)>,
}

impl Reader {
    fn join(kafka: &Connection, topic: &str) -> Self {
        let member = Member::join(kafka, topic, &[topic], GroupProtocol::Consumer);
        Self { topic: topic.to_owned(), member, got: Vec::new(), open: BTreeMap::new() }
    }

    fn assignments(&self) -> Vec<Option<u64>> {
        (0..PARTITIONS).map(|partition| self.member.consumer.owned_since(&self.topic, partition)).collect()
    }

    async fn turn(&mut self) {
        let consumer = &mut self.member.consumer;
        for delivery in consumer.poll(500).await.expect("it polls") {
            let Position { topic, partition, offset } = delivery.position;
            self.got.push((partition, offset));
            self.open.insert(partition, (consumer.owned_since(&topic, partition), offset + 1));
        }
        for done in consumer.take_confirmed() {
            self.open.retain(|partition, (_, next)| (*partition, *next) != (done.partition, done.offset));
        }
        self.open.retain(|partition, (since, _)| consumer.owned_since(&self.topic, *partition) == *since);
        let next = self.open.iter().map(|(partition, (_, offset))| Position {
            topic: self.topic.as_str().into(),
            partition: *partition,
            offset: *offset,
        });
        consumer.commit(&next.collect::<Vec<_>>()).await.expect("it is sent");
    }

    fn has(&self, offset: i64) -> bool {
        (0..PARTITIONS).all(|partition| self.got.contains(&(partition, offset)))
    }

    fn problem(&self) -> Option<String> {
        self.member.state.snapshot().problem()
    }
}

/// All have their turns until it is so.
async fn until<const N: usize>(what: &str, readers: &mut [&mut Reader; N], is_so: impl Fn(&[&mut Reader; N]) -> bool) {
    let began = Instant::now();
    while !is_so(readers) {
        for reader in readers.iter_mut() {
            reader.turn().await;
        }
        let seen = || readers.iter().map(|reader| (&reader.got, &reader.open, reader.member.state.snapshot()));
        assert!(began.elapsed() < PATIENCE, "{what}: not seen; {:?}", seen().collect::<Vec<_>>());
    }
}

/// It has read the first message of each partition, and Kafka has its offsets.
async fn begin(proxied: &Proxied, topic: &str) -> Reader {
    proxied.broker.topic(topic, PARTITIONS).await;
    let mut reader = proxied.join(topic);
    proxied.send(topic);
    until("the first messages", &mut [&mut reader], |[reader]| reader.has(0) && reader.open.is_empty()).await;
    assert_eq!(proxied.committed(topic).await, [1, 1]);
    reader
}

async fn it_reads_on_and_catches_up(proxied: &Proxied, topic: &str, loss: Loss) {
    let mut reader = begin(proxied, topic).await;
    let assignments = reader.assignments();
    proxied.proxy.hold_back(loss, &OF_THE_COORDINATOR);
    for offset in 1..5 {
        let lost = proxied.lost_heartbeats();
        proxied.send(topic);
        let reads_on = |[reader]: &[&mut Reader; 1]| reader.has(offset) && proxied.lost_heartbeats() > lost;
        until("messages without a coordinator", &mut [&mut reader], reads_on).await;
    }
    assert!(proxied.proxy.held_back(OFFSET_COMMIT) > 0, "it tried");
    assert_eq!(proxied.committed(topic).await, [1, 1], "and could not");
    assert_eq!(reader.open.len(), 2);

    proxied.proxy.pass();
    until("the offsets are committed", &mut [&mut reader], |[reader]| reader.open.is_empty()).await;
    assert_eq!(proxied.committed(topic).await, [5, 5]);
    assert_eq!(reader.assignments(), assignments, "it was a member all the time");
    assert_eq!(reader.got.len(), 10, "nothing came twice: {:?}", reader.got);
    until("all is well", &mut [&mut reader], |[reader]| reader.problem().is_none()).await;
    reader.member.consumer.leave().await;
}

#[test]
fn a_member_that_cannot_reach_its_coordinator_reads_on_and_its_offsets_catch_up() {
    runtime().block_on(async {
        let proxied = Proxied::start(LONG).await;
        it_reads_on_and_catches_up(&proxied, "silent-coordinator", Loss::Silence).await;
        it_reads_on_and_catches_up(&proxied, "reset-coordinator", Loss::Reset).await;
    });
}

async fn it_is_replaced_and_learns_of_it(proxied: &Proxied, topic: &str, loss: Loss) {
    let mut first = begin(proxied, topic).await;
    let before = first.assignments();
    proxied.proxy.hold_back(loss, &OF_THE_COORDINATOR);
    proxied.send(topic);
    until("messages without a coordinator", &mut [&mut first], |[first]| first.has(1)).await;

    let mut second = proxied.join_directly(topic);
    let took_over = |[_, second]: &[&mut Reader; 2]| second.has(1) && second.open.is_empty();
    until("what was not committed comes to another", &mut [&mut first, &mut second], took_over).await;
    assert_eq!(second.got.len(), 2, "and nothing before it: {:?}", second.got);
    assert_eq!(proxied.committed(topic).await, [2, 2]);
    proxied.send(topic);
    let both_read = |[first, second]: &[&mut Reader; 2]| first.has(2) && second.has(2) && second.open.is_empty();
    until("both read the same partitions", &mut [&mut first, &mut second], both_read).await;
    assert_eq!(first.assignments(), before, "it can't know better");
    let says_so = |[first, _]: &[&mut Reader; 2]| first.problem().is_some_and(|said| said.contains("coordinator"));
    until("it says what it misses", &mut [&mut first, &mut second], says_so).await;
    // With each of these the coordinator's connection has come and gone.
    for _ in 0..5 {
        let lost = proxied.lost_heartbeats();
        until("a heartbeat", &mut [&mut first, &mut second], |_| proxied.lost_heartbeats() > lost).await;
        assert!(says_so(&[&mut first, &mut second]), "{:?}", first.problem());
    }

    proxied.proxy.pass();
    let shared = |readers: &[&mut Reader; 2]| {
        readers.iter().all(|reader| reader.member.state.partitions() == 1 && reader.problem().is_none())
    };
    until("they share", &mut [&mut first, &mut second], shared).await;
    assert_eq!(proxied.committed(topic).await, [3, 3], "no late commit has undone the other's");
    proxied.send(topic);
    let is_read = |readers: &[&mut Reader; 2]| {
        let count = readers.iter().flat_map(|reader| &reader.got).filter(|(_, offset)| *offset == 3).count();
        count == 2 && readers.iter().all(|reader| reader.open.is_empty())
    };
    until("each reads its own", &mut [&mut first, &mut second], is_read).await;
    assert_eq!((first.got.len(), second.got.len()), (7, 5), "{:?} and {:?}", first.got, second.got);
    assert_eq!(proxied.committed(topic).await, [4, 4]);
    first.member.consumer.leave().await;
    second.member.consumer.leave().await;
}

#[test]
fn a_member_whose_partitions_went_to_another_unnoticed_learns_it_when_its_coordinator_is_back() {
    runtime().block_on(async {
        let proxied = Proxied::start(SHORT).await;
        it_is_replaced_and_learns_of_it(&proxied, "silent-and-replaced", Loss::Silence).await;
        it_is_replaced_and_learns_of_it(&proxied, "reset-and-replaced", Loss::Reset).await;
    });
}

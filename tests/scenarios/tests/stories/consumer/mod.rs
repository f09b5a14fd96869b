//! The consuming side alone, on an Apache Kafka of its own: what librdkafka does with offsets, batches and topics that are
//! not as they should be.

mod batches;
mod coordinator;
mod frozen;
mod groups;
mod moving;
mod stops;
mod topics;

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use choreography::EngineSettings;
use choreography_core::{
    broker::EventConsumer,
    delivery::{Delivery, Position},
};
use choreography_kafka::{BatchLimits, Connection, GroupProtocol, KafkaConsumer, KafkaState, Snapshot};
use clap::Parser;
use local::{Kafka, KafkaOptions, RunDir};
use provision::{choreography::TopicSpec, kafka::create_topics};
use rdkafka::{
    TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use tokio::{runtime::Runtime, sync::OnceCell};

const PATIENCE: Duration = Duration::from_secs(90);
const REQUEST: Duration = Duration::from_secs(20);

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static BROKER: OnceCell<Broker> = OnceCell::const_new();

/// A broker that these tests share; each has topics and a group of its own.
struct Broker {
    kafka: Kafka,
    dir: RunDir,
}

fn with_broker<F: Future<Output = ()>>(test: impl FnOnce(&'static Broker) -> F) {
    runtime().block_on(async {
        test(BROKER.get_or_init(Broker::start).await).await;
    });
}

fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(|| Runtime::new().expect("a tokio runtime"))
}

impl Broker {
    async fn start() -> Self {
        Self::start_with(KafkaOptions::default()).await
    }

    async fn start_with(options: KafkaOptions) -> Self {
        let dir = RunDir::create().expect("a directory");
        let kafka = Kafka::start(&dir.path().join("kafka"), options).await.expect("Kafka starts");
        Self { kafka, dir }
    }

    async fn topic(&self, name: &str, partitions: i32) {
        create_topics(self.kafka.connection(), &[TopicSpec::new(name, partitions)]).await.expect("the topic is made");
    }

    fn admin(&self) -> (AdminClient<DefaultClientContext>, AdminOptions) {
        let options = AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST));
        (self.kafka.connection().config().create().expect("an admin client"), options)
    }

    /// Sends payloads to a partition, each in a batch of its own, compressed or not.
    fn send(&self, topic: &str, partition: i32, codec: &str, payloads: &[Vec<u8>]) {
        let mut config = self.kafka.connection().config();
        config.set("compression.type", codec).set("batch.num.messages", "1").set("message.max.bytes", "100000000");
        let producer: BaseProducer = config.create().expect("a producer");
        for payload in payloads {
            let record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(payload.as_slice());
            producer.send(record).map_err(|(error, _)| error).expect("it is queued");
        }
        producer.flush(PATIENCE).expect("Kafka has it");
    }

    async fn join(&self, group: &str, topics: &[&str]) -> Member {
        self.join_by(group, topics, settings().group_protocol()).await
    }

    async fn join_by(&self, group: &str, topics: &[&str], protocol: GroupProtocol) -> Member {
        Member::join(self.kafka.connection(), group, topics, protocol)
    }

    /// What the group has committed of each partition; -1: nothing.
    async fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
        let mut config = self.kafka.connection().config();
        config.set("group.id", group);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let asked = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = config.create()?;
            consumer.committed_offsets(list, REQUEST)
        });
        let answer = asked.await.expect("it ends").expect("Kafka answers");
        answer
            .elements()
            .iter()
            .map(|found| found.offset().to_raw().filter(|offset| *offset >= 0).unwrap_or(-1))
            .collect()
    }
}

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    engine: EngineSettings,
}

fn batches() -> BatchLimits {
    let settings = settings();
    BatchLimits { messages: settings.batch_limit, bytes: settings.batch_bytes, linger: settings.batch_linger }
}

fn settings() -> EngineSettings {
    Settings::parse_from(["test", "--database-url", "postgres://none", "--kafka-session-timeout", "6s"]).engine
}

/// A member of a group, and what it got.
struct Member {
    consumer: KafkaConsumer,
    state: Arc<KafkaState>,
}

impl Member {
    fn join(kafka: &Connection, group: &str, topics: &[&str], protocol: GroupProtocol) -> Self {
        let state = Arc::new(KafkaState::default());
        let consumer = KafkaConsumer::subscribe(kafka, group, topics, batches(), protocol, state.clone());
        Self { consumer: consumer.expect("a consumer"), state }
    }

    /// Polls until enough has come.
    async fn until(&mut self, what: &str, enough: impl Fn(&[Delivery], &Snapshot) -> bool) -> Vec<Delivery> {
        let (mut got, began) = (Vec::new(), Instant::now());
        loop {
            got.extend(self.consumer.poll(500).await.expect("it polls"));
            let snapshot = self.state.snapshot();
            if enough(&got, &snapshot) {
                return got;
            }
            let seen = || got.iter().map(|delivery: &Delivery| &delivery.position).collect::<Vec<_>>();
            assert!(began.elapsed() < PATIENCE, "{what}: not seen; {} messages: {:?}; {snapshot:?}", got.len(), seen());
        }
    }

    /// Commits until it is confirmed, as the loop does.
    async fn commit(&mut self, topic: &str, partition: i32, offset: i64) {
        let next = [Position { topic: Arc::from(topic), partition, offset }];
        let began = Instant::now();
        while !self.consumer.take_confirmed().contains(&next[0]) {
            self.consumer.commit(&next).await.expect("it is sent");
            self.consumer.poll(500).await.expect("it polls");
            assert!(began.elapsed() < PATIENCE, "the commit of {next:?} was not confirmed");
        }
    }
}

fn numbered(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| number.to_string().into_bytes()).collect()
}

fn offsets(deliveries: &[Delivery], partition: i32) -> Vec<i64> {
    deliveries.iter().map(|d| &d.position).filter(|at| at.partition == partition).map(|at| at.offset).collect()
}

//! A topic that moves to another with twice the partitions and the next version of its events, while both are written and read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use choreography_core::{
    DecodeError,
    broker::{EventConsumer, EventProducer},
    delivery::{Delivery, Position},
    effects::NewEvent,
    envelope::Envelope,
    outbox::{Lineage, OutboxRow, message, range_of},
    topic_moves::{Publication, Switch, TopicMoves},
    trace::TraceContext,
    versions::{Conversion, field},
};
use choreography_kafka::{
    GroupProtocol, KafkaConsumer, KafkaProducer, KafkaState, ProducerLimits, TopicError, check_moves,
};
use chrono::Utc;
use provision::kafka::switch_offsets;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Broker, PATIENCE, batches, with_broker};

const KEYS: usize = 40;
const RANGES: i32 = 12;
const OLD: &str = "moving";
const NEW: &str = "moving.v2";
const EVENT: &str = "meter.read";
/// Between two rounds of the writer, which has an event for each key.
const ROUND: Duration = Duration::from_millis(20);

/// Version 2 has the meter's unit.
fn without_unit(mut fields: Map<String, Value>) -> Result<Map<String, Value>, DecodeError> {
    fields.remove("unit").ok_or_else(|| field("payload.unit", "is missing"))?;
    Ok(fields)
}

/// An owner's relay: it publishes numbered events of all keys until it is told to stop, as its moves say at that moment.
struct Owner {
    moves: Arc<Mutex<String>>,
    stop: Arc<AtomicBool>,
    written: JoinHandle<usize>,
}

impl Owner {
    fn start(broker: &'static Broker) -> Self {
        let (moves, stop) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicBool::new(false)));
        let written = tokio::spawn(write(broker, moves.clone(), stop.clone()));
        Self { moves, stop, written }
    }

    /// As if its replicas were started anew with this setting: what it publishes from here on goes by it.
    fn goes_by(&self, moves: &str) {
        moves.clone_into(&mut self.moves.lock().expect("nobody panicked"));
    }

    /// How many events each key has.
    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.written.await.expect("the writer ends")
    }
}

async fn write(broker: &'static Broker, moves: Arc<Mutex<String>>, stop: Arc<AtomicBool>) -> usize {
    let limits = ProducerLimits { message_bytes: 100_000, batch_bytes: 1 << 20, patience: PATIENCE };
    let (mut producer, mut now, mut number) = (None::<KafkaProducer>, String::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let wanted = moves.lock().expect("nobody panicked").clone();
        if wanted != now
            && let Some(old) = producer.take()
        {
            old.close().await;
        }
        now = wanted;
        let producer = producer.get_or_insert_with(|| {
            let step = Conversion { from: 2, to: 1, convert: without_unit };
            let moves: TopicMoves = now.parse().expect("moves");
            let producer = KafkaProducer::connect(broker.kafka.connection(), "owner", limits).expect("a producer");
            producer.publishing(Publication { moves, before: BTreeMap::from([(EVENT, step)]) })
        });
        let version = if now.is_empty() { 1 } else { 2 };
        let rows = (0..KEYS).map(|key| row(key, number, version)).collect();
        let answers = producer.publish(rows).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        number += 1;
        tokio::time::sleep(ROUND).await;
    }
    number
}

fn row(key: usize, number: usize, version: u32) -> OutboxRow {
    let lineage = Lineage { source: "owner", correlation_id: "s", causation_id: None, trace: &TraceContext::default() };
    let mut payload = json!({ "number": number });
    if version == 2 {
        payload["unit"] = json!("kWh");
    }
    let event = NewEvent {
        topic: OLD,
        event_type: EVENT,
        version,
        aggregate_id: format!("meter-{key}"),
        payload: payload.to_string(),
    };
    let message = message(event, Uuid::now_v7(), Utc::now(), &lineage, 10_000).expect("it fits");
    let range = range_of(&message.topic, message.key.as_deref(), RANGES);
    OutboxRow { number: i64::try_from(number).expect("few"), range, message }
}

/// What a group's database has: its inbox, and what was handled of each key, in order.
#[derive(Default)]
struct Store {
    inbox: BTreeSet<Uuid>,
    handled: BTreeMap<String, Vec<u64>>,
    /// By topic: how many events came, and in which versions.
    came: BTreeMap<String, (usize, BTreeSet<u32>)>,
}

impl Store {
    fn handle(&mut self, delivery: &Delivery) {
        let event = Envelope::parse(delivery.key.as_deref(), delivery.payload.as_deref()).expect("an event");
        let (count, versions) = self.came.entry(delivery.position.topic.to_string()).or_default();
        *count += 1;
        versions.insert(event.version);
        if self.inbox.insert(event.id) {
            let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
            let number = payload["number"].as_u64().expect("a number");
            self.handled.entry(event.aggregate_id).or_default().push(number);
        }
    }

    fn handled(&self) -> usize {
        self.handled.values().map(Vec::len).sum()
    }

    fn came_on(&self, topic: &str) -> usize {
        self.came.get(topic).map_or(0, |(count, _)| *count)
    }
}

/// A group, its database and its members by name.
struct Group {
    broker: &'static Broker,
    name: &'static str,
    protocol: GroupProtocol,
    store: Arc<Mutex<Store>>,
    members: BTreeMap<&'static str, JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Group {
    fn new(broker: &'static Broker, name: &'static str, protocol: GroupProtocol) -> Self {
        let (store, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        Self { broker, name, protocol, store, members: BTreeMap::new(), stop }
    }

    /// Starts a member, in place of the one of this name: that one ends wherever it is, and commits nothing any more.
    async fn start(&mut self, name: &'static str, moves: &str) {
        if let Some(before) = self.members.remove(name) {
            before.abort();
            assert!(before.await.is_err_and(|ended| ended.is_cancelled()), "it ran until it was ended");
        }
        let moves: TopicMoves = moves.parse().expect("moves");
        let (topic, switches) = (moves.current(OLD).to_owned(), moves.switch(OLD).into_iter().collect());
        let connection = self.broker.kafka.connection();
        let state = Arc::new(KafkaState::default());
        let topics = [topic.as_str()];
        let consumer = KafkaConsumer::subscribe_switching(
            connection,
            self.name,
            (&topics, switches),
            batches(),
            self.protocol,
            state,
        );
        let consumer = consumer.expect("a consumer");
        self.members.insert(name, tokio::spawn(read(consumer, self.store.clone(), self.stop.clone())));
    }

    fn see<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store.lock().expect("nobody panicked"))
    }

    async fn until(&self, what: &str, enough: impl Fn(&Store) -> bool) {
        let began = Instant::now();
        while !self.see(&enough) {
            let seen = || self.see(|store| (store.handled(), store.came.clone()));
            assert!(began.elapsed() < PATIENCE, "{}: {what}: not seen; last: {:?}", self.name, seen());
            for (name, member) in &self.members {
                assert!(!member.is_finished(), "{name} of {} ended", self.name);
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    async fn stop(self) -> Store {
        self.stop.store(true, Ordering::Relaxed);
        for (_, member) in self.members {
            member.await.expect("a member ends");
        }
        std::mem::take(&mut self.store.lock().expect("nobody panicked"))
    }
}

async fn read(mut consumer: KafkaConsumer, store: Arc<Mutex<Store>>, stop: Arc<AtomicBool>) {
    let mut next: BTreeMap<(String, i32), Position> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        for delivery in consumer.poll(50).await.expect("it polls") {
            store.lock().expect("nobody panicked").handle(&delivery);
            let Position { topic, partition, offset } = delivery.position;
            next.insert((topic.to_string(), partition), Position { topic, partition, offset: offset + 1 });
        }
        next.retain(|(topic, partition), _| consumer.owned_since(topic, *partition).is_some());
        let wanted: Vec<Position> = next.values().cloned().collect();
        consumer.commit(&wanted).await.expect("it is sent");
        for Position { topic, partition, offset } in consumer.take_confirmed() {
            let key = (topic.to_string(), partition);
            if next.get(&key).is_some_and(|wanted| wanted.offset <= offset) {
                next.remove(&key);
            }
        }
    }
    consumer.leave().await;
}

/// Of each key everything from the first event to the last, once and in order.
fn is_complete(store: &Store, written: usize) {
    let all: Vec<u64> = (0..u64::try_from(written).expect("few")).collect();
    assert_eq!(store.handled.len(), KEYS);
    for (key, handled) in &store.handled {
        assert_eq!(*handled, all, "{key}");
    }
}

async fn offsets_of(broker: &Broker) -> String {
    let made = switch_offsets(broker.kafka.connection(), OLD, NEW, true).await;
    made.expect("every key range is on both topics").to_string()
}

#[test]
fn a_topic_moves_to_twelve_partitions_and_the_next_version_while_it_is_written_and_read() {
    with_broker(|broker| async move {
        broker.topic(OLD, 6).await;
        let mut early = Group::new(broker, "early", super::settings().group_protocol());
        let mut late = Group::new(broker, "late", GroupProtocol::Consumer);
        for group in [&mut early, &mut late] {
            group.start("one", "").await;
            group.start("two", "").await;
        }
        let owner = Owner::start(broker);
        early.until("events of the old topic", |store| store.handled() > 10 * KEYS).await;

        broker.topic(NEW, 12).await;
        let too_early = switch_offsets(broker.kafka.connection(), OLD, NEW, true).await.map_err(|e| e.to_string());
        assert!(
            too_early.as_ref().is_err_and(|said| said.contains("TOPIC_MOVES=both:moving:moving.v2")),
            "{too_early:?}"
        );
        owner.goes_by("both:moving:moving.v2");
        let before = early.see(Store::handled);
        early.until("events that are on both", |store| store.handled() > before + 10 * KEYS).await;
        let switch = offsets_of(broker).await;

        // Readers move one by one, and one of them ends in the middle without a word.
        early.start("one", &switch).await;
        early.until("events of the new topic", |store| store.came_on(NEW) > 0).await;
        early.start("two", &switch).await;
        early.start("one", &switch).await;
        let came = early.see(|store| store.came_on(NEW));
        early.until("more of the new topic", |store| store.came_on(NEW) > came + 20 * KEYS).await;
        assert_eq!(late.see(|store| store.came_on(NEW)), 0, "the other reader has not moved");
        late.start("two", &switch).await;
        late.start("one", &switch).await;
        late.until("events of the new topic", |store| store.came_on(NEW) > 20 * KEYS).await;

        owner.goes_by("moved:moving:moving.v2");
        early.start("one", "moved:moving:moving.v2").await;
        early.start("two", "moved:moving:moving.v2").await;
        late.start("one", "moved:moving:moving.v2").await;
        late.start("two", "moved:moving:moving.v2").await;
        let (admin, options) = broker.admin();
        admin.delete_topics(&[OLD], &options).await.expect("the old topic is deleted");
        let came = late.see(|store| store.came_on(NEW));
        late.until("the new topic alone", |store| store.came_on(NEW) > came + 20 * KEYS).await;

        let written = owner.stop().await;
        for group in [early, late] {
            group.until("everything", |store| store.handled() == written * KEYS).await;
            let store = group.stop().await;
            is_complete(&store, written);
            let versions = |topic: &str| store.came[topic].1.iter().copied().collect::<Vec<_>>();
            assert_eq!((versions(OLD), versions(NEW)), (vec![1], vec![2]), "each topic has the version of its readers");
        }
    });
}

#[test]
fn a_reader_that_is_told_what_does_not_fit_the_topics_does_not_start() {
    with_broker(|broker| async {
        broker.topic("strange", 2).await;
        broker.topic("strange.v2", 3).await;
        let check = |offsets: &[i64], is_left: bool| {
            let pair = || ("strange".to_owned(), "strange.v2".to_owned());
            let (from, to) = pair();
            let switches = match offsets {
                [] => Vec::new(),
                _ => vec![Switch { from, to, offsets: offsets.to_vec() }],
            };
            let left = if is_left { vec![pair()] } else { Vec::new() };
            check_moves(broker.kafka.connection(), "strange", switches, left)
        };
        let said = |checked: Result<(), TopicError>| checked.map_err(|error| error.to_string()).unwrap_err();
        check(&[0, 0], false).await.expect("they fit");
        assert!(said(check(&[0], false).await).contains("there are 1, and it has 2 partitions"));
        assert!(said(check(&[0, 9], false).await).contains("partition 1 ends at 0, before 9"));
        check(&[], true).await.expect("a group that is new has nothing to finish");
        broker.send("strange", 0, "none", &super::numbered(1));
        let mut member = broker.join("strange", &["strange"]).await;
        member.until("the message", |got, _| got.len() == 1).await;
        member.commit("strange", 0, 1).await;
        assert!(said(check(&[], true).await).contains("has offsets of strange and none of strange.v2"));
        member.consumer.leave().await;
    });
}

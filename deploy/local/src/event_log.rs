//! What stands on the topics: read from the beginning, outside of any consumer group.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use choreography_kafka::Connection;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::{LocalError, Result};

const POLL: Duration = Duration::from_millis(50);
const METADATA: Duration = Duration::from_secs(20);
/// A client that lost all brokers, and read nothing for so long since, is made anew: librdkafka can lose them for good
/// (<https://github.com/confluentinc/librdkafka/issues/5301>).
const LOST_AFTER: Duration = Duration::from_secs(5);

/// A message as it stands on a topic.
#[derive(Debug, Clone)]
pub struct Record {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub seen_at: Instant,
}

impl Record {
    /// A header's text; `None` if it is not there or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    /// The payload as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        self.payload.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// The event's type, from its envelope.
    #[must_use]
    pub fn event_type(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }

    /// The event's id, from its envelope.
    #[must_use]
    pub fn event_id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_default().to_owned()
    }

    #[must_use]
    pub fn is_keyed(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key.as_bytes())
    }
}

/// The time of a UUIDv7: 48 bits, with a dash in between.
const UUID7_TIME: usize = 13;

/// Follows topics on a thread of its own and keeps all it has seen.
#[derive(Debug)]
pub struct EventLog {
    records: Arc<Mutex<Vec<Record>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EventLog {
    /// Begins to follow.
    ///
    /// # Errors
    /// [`LocalError::Broker`] when the topics can't be read.
    pub fn follow(kafka: &Connection, topics: &[String]) -> Result<Self> {
        let refused = |error: rdkafka::error::KafkaError| LocalError::Broker {
            bootstrap: kafka.brokers().into(),
            what: "following the topics".into(),
            problem: error.to_string(),
        };
        let consumer = client(kafka).map_err(refused)?;
        let mut all = TopicPartitionList::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), METADATA).map_err(refused)?;
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                all.add_partition_offset(topic, partition.id(), Offset::Beginning).map_err(refused)?;
            }
        }
        consumer.assign(&all).map_err(refused)?;
        let (records, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let follower = Follower { kafka: kafka.clone(), consumer, next: all, lost: None };
        let thread = {
            let (records, stop) = (Arc::clone(&records), Arc::clone(&stop));
            std::thread::Builder::new().name("event-log".into()).spawn(move || follower.run(&records, &stop))
        };
        let thread = thread.map_err(LocalError::io("starting the event log"))?;
        Ok(Self { records, stop, thread: Some(thread) })
    }

    /// What was seen so far and fits.
    #[must_use]
    pub fn find(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().filter(|record| wanted(record)).cloned().collect()
    }

    /// What was seen after the first `known` messages.
    #[must_use]
    pub fn after(&self, known: usize) -> Vec<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().skip(known).cloned().collect()
    }

    /// The event types under a key, each event once; dead letters are left out. Topics have no order between them, so
    /// events stand in the order of their ids' milliseconds, and within one as they were seen.
    #[must_use]
    pub fn path_of(&self, key: &str) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let records = self.find(|record| record.is_keyed(key) && !record.topic.ends_with(".dlq"));
        let mut events: Vec<(String, String)> = records
            .iter()
            .map(|record| (record.event_id(), record.event_type()))
            .filter(|(id, event_type)| !event_type.is_empty() && seen.insert(id.clone()))
            .collect();
        events.sort_by_key(|(id, _)| id.chars().take(UUID7_TIME).collect::<String>());
        events.into_iter().map(|(_, event_type)| event_type).collect()
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn client(kafka: &Connection) -> KafkaResult<BaseConsumer> {
    kafka.config().set("group.id", "event-log").set("enable.auto.commit", "false").create()
}

struct Follower {
    kafka: Connection,
    consumer: BaseConsumer,
    /// Where to read on.
    next: TopicPartitionList,
    /// Since when no broker is known.
    lost: Option<Instant>,
}

impl Follower {
    fn run(mut self, records: &Mutex<Vec<Record>>, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            if self.lost.is_some_and(|since| since.elapsed() > LOST_AFTER) {
                self.begin_anew();
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let record = record(&message);
                    self.lost = None;
                    let next = Offset::Offset(record.offset + 1);
                    // Only a partition that is not in the list could be refused, and it was read because it is.
                    let _ = self.next.set_partition_offset(&record.topic, record.partition, next);
                    records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
                }
                // Whatever else goes wrong heals by itself once the broker is back.
                Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) => {
                    self.lost.get_or_insert_with(Instant::now);
                }
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Reads on with another client; if it can't be had, that is tried again at the next poll.
    fn begin_anew(&mut self) {
        if let Ok(consumer) = client(&self.kafka)
            && consumer.assign(&self.next).is_ok()
        {
            self.consumer = consumer;
            // If it loses them too, it will say so.
            self.lost = None;
        }
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    // Not by rust-rdkafka, which panics at a name that is no text.
    let headers = choreography_kafka::headers(message).unwrap_or_default();
    let headers = headers.into_iter().map(|header| (header.text_name().into_owned(), header.value)).collect();
    Record {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers,
        seen_at: Instant::now(),
    }
}

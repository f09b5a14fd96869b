//! What stands on the topics: read from the beginning, outside of any consumer group.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::kafka::Connection;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::{Error, Result};

const POLL: Duration = Duration::from_millis(50);
const METADATA: Duration = Duration::from_secs(20);

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
    /// [`Error::Broker`] when the topics can't be read.
    pub fn follow(kafka: &Connection, topics: &[String]) -> Result<Self> {
        let refused = |error: rdkafka::error::KafkaError| Error::Broker {
            bootstrap: kafka.brokers().into(),
            what: "following the topics".into(),
            problem: error.to_string(),
        };
        let consumer: BaseConsumer =
            kafka.config().set("group.id", "event-log").set("enable.auto.commit", "false").create().map_err(refused)?;
        let mut all = TopicPartitionList::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), METADATA).map_err(refused)?;
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                all.add_partition_offset(topic, partition.id(), Offset::Beginning).map_err(refused)?;
            }
        }
        consumer.assign(&all).map_err(refused)?;
        let (records, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (records, stop) = (Arc::clone(&records), Arc::clone(&stop));
            std::thread::Builder::new().name("event-log".into()).spawn(move || run(&consumer, &records, &stop))
        };
        let thread = thread.map_err(Error::io("starting the event log"))?;
        Ok(Self { records, stop, thread: Some(thread) })
    }

    /// What was seen so far and fits.
    #[must_use]
    pub fn find(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().filter(|record| wanted(record)).cloned().collect()
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

fn run(consumer: &BaseConsumer, records: &Mutex<Vec<Record>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // The broker may be away for a while in some tests; librdkafka comes back by itself.
        let Some(Ok(message)) = consumer.poll(POLL) else { continue };
        // Not by rust-rdkafka, which panics at a name that is no text.
        let headers = engine::kafka::headers(&message).unwrap_or_default();
        let headers = headers.into_iter().map(|header| (header.text_name().into_owned(), header.value)).collect();
        let record = Record {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers,
            seen_at: Instant::now(),
        };
        records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

//! What stands last on a topic, read outside of any group.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use choreography_kafka::Connection;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::BorrowedMessage,
};
use serde::Deserialize;

use super::refused;
use crate::Result;

const REQUEST: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// So long without a message that must be there.
const SILENT: Duration = Duration::from_secs(30);

/// An event as it stands on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub key: Option<Vec<u8>>,
    pub id: String,
    pub partition: i32,
    pub offset: i64,
    /// Kafka's time of it, in milliseconds.
    pub at: i64,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// A topic, and where its partitions ended when it was opened.
pub(super) struct Tail {
    kafka: Connection,
    topic: String,
    consumer: BaseConsumer,
    firsts: Vec<i64>,
    ends: Vec<i64>,
}

impl Tail {
    pub fn of(kafka: &Connection, topic: &str) -> Result<Self> {
        let failed = |error: KafkaError| refused(kafka, &format!("reading {topic}"), &error);
        let mut config = kafka.config();
        config.set("group.id", "provision").set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        let consumer: BaseConsumer = config.create().map_err(failed)?;
        let metadata = consumer.fetch_metadata(Some(topic), REQUEST).map_err(failed)?;
        let partitions: usize = metadata.topics().iter().map(|topic| topic.partitions().len()).sum();
        if partitions == 0 {
            return Err(refused(kafka, &format!("reading {topic}"), &"there is no such topic"));
        }
        let (mut firsts, mut ends) = (Vec::new(), Vec::new());
        for partition in (0..).take(partitions) {
            let (first, end) = consumer.fetch_watermarks(topic, partition, REQUEST).map_err(failed)?;
            firsts.push(first);
            ends.push(end);
        }
        Ok(Self { kafka: kafka.clone(), topic: topic.to_owned(), consumer, firsts, ends })
    }

    pub fn ends(&self) -> &[i64] {
        &self.ends
    }

    /// All events from these offsets, given where a partition begins and ends, up to the ends.
    pub fn read_from(&mut self, from: impl Fn(i64, i64) -> i64) -> Result<Vec<Seen>> {
        let starts: Vec<i64> = self.firsts.iter().zip(&self.ends).map(|(first, end)| from(*first, *end)).collect();
        let mut open: usize = starts.iter().zip(&self.ends).filter(|(start, end)| start < end).count();
        self.assign(&starts)?;
        let (mut seen, mut heard) = (Vec::new(), Instant::now());
        while open > 0 {
            let Some(message) = self.poll()? else {
                if heard.elapsed() > SILENT {
                    return Err(refused(&self.kafka, &format!("reading {}", self.topic), &"the broker sends nothing"));
                }
                continue;
            };
            heard = Instant::now();
            let end = usize::try_from(message.partition()).ok().and_then(|partition| self.ends.get(partition));
            open -= usize::from(end == Some(&(message.offset() + 1)));
            if end.is_some_and(|end| message.offset() < *end) {
                seen.extend(event(&message));
            }
        }
        Ok(seen)
    }

    /// Which of these events are on the topic, waiting for those that are not yet.
    pub fn find(&mut self, wanted: &BTreeSet<String>, patience: Duration) -> Result<BTreeSet<String>> {
        let starts = self.firsts.clone();
        self.assign(&starts)?;
        let (mut found, mut heard) = (BTreeSet::new(), Instant::now());
        while found.len() < wanted.len() && heard.elapsed() < patience {
            if let Some(message) = self.poll()? {
                let end = usize::try_from(message.partition()).ok().and_then(|partition| self.ends.get(partition));
                // What stood there already takes as long as it takes; what comes since is no reason to wait.
                if end.is_some_and(|end| message.offset() < *end) {
                    heard = Instant::now();
                }
                found.extend(event(&message).map(|event| event.id).filter(|id| wanted.contains(id)));
            }
        }
        Ok(found)
    }

    fn assign(&self, starts: &[i64]) -> Result<()> {
        let failed = |error: KafkaError| refused(&self.kafka, &format!("reading {}", self.topic), &error);
        let mut list = TopicPartitionList::new();
        for (partition, start) in (0..).zip(starts) {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(*start)).map_err(failed)?;
        }
        self.consumer.assign(&list).map_err(failed)
    }

    fn poll(&self) -> Result<Option<BorrowedMessage<'_>>> {
        let failed = |error: KafkaError| refused(&self.kafka, &format!("reading {}", self.topic), &error);
        self.consumer.poll(POLL).transpose().map_err(failed)
    }
}

/// What is no event has no id.
fn event(message: &BorrowedMessage<'_>) -> Option<Seen> {
    let Named { id } = serde_json::from_slice(message.payload()?).ok()?;
    Some(Seen {
        key: message.key().map(<[u8]>::to_vec),
        id,
        partition: message.partition(),
        offset: message.offset(),
        at: message.timestamp().to_millis().unwrap_or_default(),
    })
}

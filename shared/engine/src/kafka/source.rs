//! The consuming side: batches from all assigned partitions.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
    types::RDKafkaRespErr,
};
use tracing::{info, warn};

use super::{Connection, tuning};
use crate::{
    delivery::{Delivery, Position},
    log::{EventSource, LogError},
    trace::Header,
};

/// How long a poll waits for a first message; also how soon a stopping service notices.
const PATIENCE: Duration = Duration::from_millis(100);
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(10);

type Partition = (String, i32);

/// Keeps the set of owned partitions and starts new ones at their beginning.
#[derive(Default)]
struct Group {
    /// With the assignment that brought it.
    owned: Mutex<HashMap<Partition, u64>>,
    assignments: AtomicU64,
}

impl Group {
    fn owned(&self) -> std::sync::MutexGuard<'_, HashMap<Partition, u64>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Group {
    fn stats(&self, statistics: rdkafka::Statistics) {
        for (topic, partitions) in &statistics.topics {
            for (partition, told) in &partitions.partitions {
                // -1 until librdkafka knows it; what another member owns is that one's to tell.
                if told.consumer_lag >= 0 && self.owned().contains_key(&(topic.clone(), *partition)) {
                    metrics::gauge!("saga_consumer_lag_messages", "topic" => topic.clone(), "partition" => partition.to_string())
                        .set(told.consumer_lag as f64);
                }
            }
        }
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<Partition> =
            list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
        let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        metrics::counter!("saga_consumer_rebalances_total").increment(1);
        let result = if assigned {
            let since = self.assignments.fetch_add(1, Ordering::Relaxed);
            self.owned().extend(partitions.iter().map(|partition| (partition.clone(), since)));
            let list = with_beginnings(consumer, list);
            let assigned = if cooperative { consumer.incremental_assign(&list) } else { consumer.assign(&list) };
            // librdkafka remembers the pause of a partition that was taken away in the meantime, and whoever resumes what
            // he owns does not reach it: without this it would stay silent for ever.
            assigned.and_then(|()| consumer.resume(&list))
        } else {
            self.owned().retain(|partition, _| !partitions.contains(partition));
            if cooperative { consumer.incremental_unassign(list) } else { consumer.unassign() }
        };
        match result {
            Ok(()) => info!(assigned, partitions = partitions.len(), "rebalanced"),
            Err(error) => warn!(%error, assigned, "the new assignment could not be applied; the group will try again"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            // Harmless: the next batch commits them too, and repeats die in the inbox.
            warn!(%error, "offsets were not committed");
        }
    }
}

/// A partition without a committed offset is new to the group: it is read from its beginning, so no fact is skipped.
fn with_beginnings(consumer: &BaseConsumer<Group>, list: &TopicPartitionList) -> TopicPartitionList {
    let mut assignment = list.clone();
    match consumer.committed_offsets(list.clone(), COMMITTED_TIMEOUT) {
        Ok(committed) => {
            for element in committed.elements().iter().filter(|element| element.offset() == Offset::Invalid) {
                // Only a partition that is not in the list could be refused, and it comes from the list.
                let _ = assignment.set_partition_offset(element.topic(), element.partition(), Offset::Beginning);
            }
        }
        Err(error) => {
            warn!(%error, "committed offsets could not be read; partitions new to the group will report an error")
        }
    }
    assignment
}

/// One member of a consumer group.
pub struct KafkaSource {
    consumer: Arc<BaseConsumer<Group>>,
    company: Duration,
    paused: bool,
    /// Messages that slipped through while paused.
    stash: Vec<Delivery>,
}

impl KafkaSource {
    /// Joins the group and subscribes. `company`: how long a batch waits for more when there is a backlog.
    pub fn subscribe(
        kafka: &Connection,
        group: &str,
        topics: &[&str],
        session_timeout: Duration,
        company: Duration,
    ) -> KafkaResult<Self> {
        let consumer: BaseConsumer<Group> =
            tuning::consumer(kafka, group, session_timeout).create_with_context(Group::default())?;
        consumer.subscribe(topics)?;
        let consumer = Arc::new(consumer);
        kafka.tell(&consumer);
        Ok(Self { consumer, company, paused: false, stash: Vec::new() })
    }

    /// The number of partitions that this member owns.
    pub fn owned(&self) -> usize {
        self.consumer.context().owned().len()
    }

    /// Commits what was handled last, for sure, and leaves the group.
    pub async fn leave(self) {
        let consumer = self.consumer;
        let left = tokio::task::spawn_blocking(move || {
            if let Err(error) = consumer.commit_consumer_state(CommitMode::Sync)
                && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
            {
                warn!(%error, "the last offsets were not committed; their events will be repeated and skipped");
            }
            drop(consumer);
        });
        if let Err(error) = left.await {
            warn!(%error, "leaving the consumer group failed");
        }
    }

    fn owns(&self, position: &Position) -> bool {
        self.owned_since(&position.topic, position.partition).is_some()
    }

    fn set_paused(&mut self, paused: bool) -> Result<(), LogError> {
        let assignment = self.consumer.assignment().map_err(log_error)?;
        let result = if paused { self.consumer.pause(&assignment) } else { self.consumer.resume(&assignment) };
        self.paused = paused;
        result.map_err(log_error)
    }
}

impl EventSource for KafkaSource {
    async fn poll(&mut self, limit: usize) -> Result<Vec<Delivery>, LogError> {
        if self.paused {
            self.set_paused(false)?;
        }
        if !self.stash.is_empty() {
            let stash = std::mem::take(&mut self.stash);
            return Ok(stash.into_iter().filter(|d| self.owns(&d.position)).collect());
        }
        let (consumer, company) = (self.consumer.clone(), self.company);
        blocking(move || gather(&consumer, limit, company)).await
    }

    async fn keep_alive(&mut self) -> Result<(), LogError> {
        if !self.paused {
            self.set_paused(true)?;
        }
        let consumer = self.consumer.clone();
        let slipped = blocking(move || gather(&consumer, 1, Duration::ZERO)).await?;
        if !slipped.is_empty() {
            // A partition that was assigned since the pause.
            self.stash.extend(slipped);
            self.set_paused(true)?;
        }
        Ok(())
    }

    fn owned_since(&self, topic: &str, partition: i32) -> Option<u64> {
        self.consumer.context().owned().get(&(topic.to_owned(), partition)).copied()
    }

    async fn commit(&mut self, next: &[Position]) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(next.len());
        for position in next {
            list.add_partition_offset(&position.topic, position.partition, Offset::Offset(position.offset))
                .map_err(log_error)?;
        }
        // Stored as well, so that leaving the group commits the same watermark for sure.
        self.consumer.store_offsets(&list).map_err(log_error)?;
        self.consumer.commit(&list, CommitMode::Async).map_err(log_error)
    }
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(call).await.map_err(|error| LogError::Fatal(error.to_string()))?
}

/// Takes what is there. With a backlog it waits a little for company, since a fuller batch costs less per event.
fn gather(consumer: &BaseConsumer<Group>, limit: usize, company: Duration) -> Result<Vec<Delivery>, LogError> {
    let mut topics: HashMap<String, Arc<str>> = HashMap::new();
    let mut batch = Vec::new();
    let (first, until) = match consumer.poll(Duration::ZERO) {
        Some(first) => (Some(first), Instant::now() + company),
        None => (consumer.poll(PATIENCE), Instant::now()),
    };
    let mut message = first;
    while let Some(polled) = message.take() {
        match polled {
            Ok(polled) => batch.push(delivery(&polled, &mut topics)),
            // What was taken before the error is handled first; a lasting error comes again.
            Err(_) if !batch.is_empty() => break,
            Err(error) => return passing(error).map(|()| batch),
        }
        if batch.len() < limit {
            message = consumer.poll(until.saturating_duration_since(Instant::now()));
        }
    }
    Ok(batch)
}

/// librdkafka reports broker trouble as messages and heals by itself; only what it can't heal is an error.
fn passing(error: KafkaError) -> Result<(), LogError> {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AutoOffsetReset) => {
            Err(LogError::OffsetOutOfRange { topic: error.to_string(), partition: -1 })
        }
        Some(RDKafkaErrorCode::Fatal) => Err(LogError::Fatal(error.to_string())),
        _ => Err(LogError::Transient(error.to_string())),
    }
}

fn log_error(error: KafkaError) -> LogError {
    LogError::Transient(error.to_string())
}

fn delivery(message: &BorrowedMessage<'_>, topics: &mut HashMap<String, Arc<str>>) -> Delivery {
    let topic = match topics.get(message.topic()) {
        Some(topic) => topic.clone(),
        None => {
            let topic: Arc<str> = Arc::from(message.topic());
            topics.insert(message.topic().to_owned(), topic.clone());
            topic
        }
    };
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .map(|header| Header { name: header.key.to_owned(), value: header.value.map(<[u8]>::to_vec) })
            .collect()
    });
    Delivery {
        position: Position { topic, partition: message.partition(), offset: message.offset() },
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}

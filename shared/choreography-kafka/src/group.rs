//! A member of a consumer group: the partitions that it owns, the commits that are under way, what became of errors.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use choreography_core::delivery::Position;
use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    metadata::MetadataTopic,
    types::RDKafkaRespErr,
};
use tracing::{error, info, warn};

use super::{
    commits::Commits,
    lag::lag,
    raw_client::{Failure, Queue},
    rests::Paused,
    state::{KafkaState, KafkaTrouble, Stop, StoppedPartition},
    verdict::{Meaning, meaning, way_on},
};

const ASKED_FOR: Duration = Duration::from_secs(10);
/// Asked now and then, while the others wait.
const LOOKS_FOR: Duration = Duration::from_secs(2);

pub(super) type Partition = (String, i32);

#[derive(Default)]
pub(super) struct Group {
    pub state: Arc<KafkaState>,
    /// With the assignment that brought it.
    owned: Mutex<HashMap<Partition, u64>>,
    assignments: AtomicU64,
    commits: Mutex<Commits>,
    /// What comes now is paused too.
    paused: AtomicBool,
    /// Answers that the brokers gave so far.
    answers: AtomicU64,
    /// Why the client can't go on.
    ended: Mutex<Option<String>>,
    /// Another client has taken its place: events of this one change no state any more.
    retired: AtomicBool,
    /// How often it was looked what has changed.
    looks: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    pub fn new(state: Arc<KafkaState>) -> Self {
        Self { state, ..Self::default() }
    }

    /// For a client that takes the place of this one. Its assignments count on from here, so nothing that this client was
    /// given passes for the new one's.
    pub fn successor(&self) -> Self {
        self.retired.store(true, Ordering::Relaxed);
        let all: Vec<Partition> = lock(&self.owned).drain().map(|(partition, _)| partition).collect();
        self.state.go_on(&all);
        self.state.set_partitions(0);
        Self {
            state: self.state.clone(),
            assignments: AtomicU64::new(self.assignments.load(Ordering::Relaxed)),
            paused: AtomicBool::new(self.paused.load(Ordering::Relaxed)),
            ..Self::default()
        }
    }

    pub fn commits(&self) -> MutexGuard<'_, Commits> {
        lock(&self.commits)
    }

    pub fn owned_since(&self, topic: &str, partition: i32) -> Option<u64> {
        lock(&self.owned).get(&(topic.to_owned(), partition)).copied()
    }

    pub fn ended(&self) -> Option<String> {
        lock(&self.ended).clone()
    }

    /// Pauses or resumes all partitions that are owned or will be; those that stand still are not resumed.
    pub fn set_paused(&self, consumer: &BaseConsumer<Self>, paused: bool) -> KafkaResult<()> {
        self.paused.store(paused, Ordering::Relaxed);
        let mut list = TopicPartitionList::new();
        for (topic, partition) in lock(&self.owned).keys() {
            if !self.state.is_stopped(topic, *partition) {
                list.add_partition(topic, *partition);
            }
        }
        if paused { consumer.pause(&list) } else { consumer.resume(&list) }
    }

    /// Pauses those partitions of which all was taken that the last fetch found: `next` are their next offsets. Which, and since which
    /// assignment they are owned.
    pub fn pause_read(&self, consumer: &BaseConsumer<Self>, next: &[Position]) -> KafkaResult<Paused> {
        let Some(queue) = Queue::of(consumer) else { return Ok(Paused::new()) };
        let is_read = |at: &&Position| {
            queue.end_of(&at.topic, at.partition).is_some_and(|end| end <= at.offset)
                && !self.state.is_stopped(&at.topic, at.partition)
        };
        let owned =
            |at: &Position| Some(((at.topic.to_string(), at.partition), self.owned_since(&at.topic, at.partition)?));
        let paused: Paused = next.iter().filter(is_read).filter_map(owned).collect();
        let partitions: Vec<Partition> = paused.iter().map(|(partition, _)| partition.clone()).collect();
        consumer.pause(&list_of(&partitions))?;
        Ok(paused)
    }

    /// Resumes those that are still owned by the same assignment: one that was assigned anew is read already, and would begin once more.
    pub fn resume(&self, consumer: &BaseConsumer<Self>, paused: &Paused) -> KafkaResult<()> {
        let is_paused = |(partition, since): &&(Partition, u64)| {
            self.owned_since(&partition.0, partition.1) == Some(*since)
                && !self.state.is_stopped(&partition.0, partition.1)
        };
        let partitions: Vec<Partition> =
            paused.iter().filter(is_paused).map(|(partition, _)| partition.clone()).collect();
        consumer.resume(&list_of(&partitions))
    }

    /// `Some(true)`: these partitions come; `Some(false)`: they go; `None`: all go.
    pub fn rebalanced(&self, consumer: &BaseConsumer<Self>, assigned: Option<bool>, partitions: &[Partition]) {
        metrics::counter!("saga_consumer_rebalances_total").increment(1);
        self.state.contact();
        let list = list_of(partitions);
        let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let result = match assigned {
            Some(true) => {
                let since = self.assignments.fetch_add(1, Ordering::Relaxed);
                lock(&self.owned).extend(partitions.iter().map(|partition| (partition.clone(), since)));
                self.state.steady();
                self.assign(consumer, &list, cooperative)
            }
            Some(false) => {
                self.give_up(consumer, partitions);
                if cooperative { consumer.incremental_unassign(&list) } else { consumer.unassign() }
            }
            None => {
                let all: Vec<Partition> = lock(&self.owned).keys().cloned().collect();
                self.give_up(consumer, &all);
                consumer.unassign()
            }
        };
        self.state.set_partitions(lock(&self.owned).len());
        match result {
            Ok(()) => info!(assigned, partitions = partitions.len(), "rebalanced"),
            Err(error) => warn!(%error, assigned, "the new assignment could not be applied; the group will try again"),
        }
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList, cooperative: bool) -> KafkaResult<()> {
        let list = with_beginnings(consumer, list);
        if cooperative {
            consumer.incremental_assign(&list)?
        } else {
            consumer.assign(&list)?
        }
        if self.paused.load(Ordering::Relaxed) {
            return consumer.pause(&list);
        }
        // librdkafka remembers the pause of a partition that was taken away in the meantime: without this it would stay
        // silent for ever.
        consumer.resume(&list)
    }

    /// What was handled is committed before the partition goes: librdkafka lets it go only when the answer is there.
    fn give_up(&self, consumer: &BaseConsumer<Self>, partitions: &[Partition]) {
        let open = self.commits().give_up(partitions);
        if !open.is_empty()
            && let Err(error) = positions(&open).and_then(|list| consumer.commit(&list, CommitMode::Async))
        {
            warn!(%error, "offsets were not committed before their partitions moved; their events come again and are skipped");
        }
        lock(&self.owned).retain(|partition, _| !partitions.contains(partition));
        self.state.go_on(partitions);
        // A gauge keeps its last value, and the member that has the partition next reports it, too.
        for (topic, partition) in partitions {
            report_lag(topic, *partition, 0);
            [Stop::OutOfRange, Stop::Unreadable]
                .into_iter()
                .for_each(|why| report_stopped(topic, *partition, why, false));
        }
    }

    pub fn committed(&self, done: Vec<Position>, refused: &[(Position, String)]) {
        if !done.is_empty() {
            self.state.contact();
        }
        if let Some((at, why)) = refused.first() {
            metrics::counter!("saga_consumer_commits_failed_total").increment(1);
            warn!(
                topic = &*at.topic,
                partition = at.partition,
                why,
                "offsets were not committed; the commit is repeated"
            );
        }
        self.commits().answered(done, Instant::now());
    }

    pub fn failed(&self, consumer: &BaseConsumer<Self>, failure: Failure) {
        let code = format!("{:?}", failure.code);
        metrics::counter!("saga_consumer_errors_total", "code" => code.clone()).increment(1);
        match (meaning(&failure), failure.at) {
            (Meaning::Stops(why), Some(at)) => self.stop(consumer, &at, why, failure.text),
            (Meaning::Ends, _) => *lock(&self.ended) = Some(failure.text),
            (meaning, at) => {
                if let (Meaning::TopicIsMissing, Some(at)) = (meaning, &at) {
                    self.state.set_missing(&at.topic, true);
                }
                let (topic, partition) = at.map(|at| (at.topic.to_string(), at.partition)).unzip();
                let text = failure.text;
                let trouble = KafkaTrouble { text: text.clone(), topic: topic.clone(), partition, at: Instant::now() };
                if self.state.failed(trouble) {
                    warn!(code, topic, partition, error = text, "Kafka reports an error; it may pass");
                }
            }
        }
    }

    /// The partition stands still from this offset on; the others go on.
    pub fn stop(&self, consumer: &BaseConsumer<Self>, at: &Position, why: Stop, text: String) {
        let Position { topic, partition, offset } = at;
        if self.owned_since(topic, *partition).is_none() {
            return;
        }
        let stopped = StoppedPartition {
            topic: topic.to_string(),
            partition: *partition,
            offset: *offset,
            why,
            text: text.clone(),
            since: Instant::now(),
        };
        if !self.state.stop(stopped) {
            return;
        }
        metrics::counter!("saga_consumer_partition_stops_total", "why" => why.name()).increment(1);
        report_stopped(topic, *partition, why, true);
        error!(
            topic = &**topic,
            partition,
            offset,
            why = why.name(),
            error = text,
            "a partition stands still, because going on would skip events; the others go on. What to do stands in \
             shared/docs/operations.md under \"Consuming\""
        );
        // It would be asked for again and again.
        if let Err(error) = consumer.pause(&list_of(&[(topic.to_string(), *partition)])) {
            warn!(%error, "the partition could not be paused; its messages are left out");
        }
    }

    /// A partition whose offset was out of range goes on if that skips nothing ([`way_on`]), and a topic that was missing may
    /// be there. One of each at a time: while the broker is asked, no partition is read.
    pub fn look_again(&self, consumer: &BaseConsumer<Self>) {
        let round = self.looks.fetch_add(1, Ordering::Relaxed);
        let stopped: Vec<StoppedPartition> =
            self.state.stopped().into_iter().filter(|stopped| stopped.why == Stop::OutOfRange).collect();
        if let Some(stopped) = stopped.get(round % stopped.len().max(1)) {
            match self.try_to_go_on(consumer, stopped) {
                Ok(None) => {}
                Ok(Some(offset)) => {
                    report_stopped(&stopped.topic, stopped.partition, stopped.why, false);
                    warn!(topic = stopped.topic, partition = stopped.partition, ?offset, "a partition goes on");
                }
                Err(error) => warn!(%error, topic = stopped.topic, partition = stopped.partition, "it stands still"),
            }
        }
        let missing: Vec<String> =
            self.state.missing().into_iter().filter_map(|(topic, missing)| missing.then_some(topic)).collect();
        if let Some(topic) = missing.get(round % missing.len().max(1)) {
            let metadata = consumer.fetch_metadata(Some(topic), LOOKS_FOR);
            let is_there = |found: &MetadataTopic| found.error().is_none() && !found.partitions().is_empty();
            if metadata.is_ok_and(|metadata| metadata.topics().iter().any(is_there)) {
                self.state.set_missing(topic, false);
            }
        }
    }

    fn try_to_go_on(&self, consumer: &BaseConsumer<Self>, stopped: &StoppedPartition) -> KafkaResult<Option<Offset>> {
        let (topic, partition) = (stopped.topic.as_str(), stopped.partition);
        let list = list_of(&[(topic.to_owned(), partition)]);
        let answer = consumer.committed_offsets(list.clone(), LOOKS_FOR)?;
        let committed = answer.find_partition(topic, partition).and_then(|found| match found.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        });
        let (low, high) = consumer.fetch_watermarks(topic, partition, LOOKS_FOR)?;
        let Some(offset) = way_on(stopped.offset, committed, low, high) else { return Ok(None) };
        self.assign_anew(consumer, (topic.to_owned(), partition), offset)?;
        Ok(Some(offset))
    }

    /// librdkafka gave the partition up, so it can't be told to seek: it is taken away and assigned once more, as if the group
    /// had done so. What was handled before the stop counts no more.
    fn assign_anew(&self, consumer: &BaseConsumer<Self>, partition: Partition, offset: Offset) -> KafkaResult<()> {
        let partitions = std::slice::from_ref(&partition);
        let list = list_of(partitions);
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(&partition.0, partition.1, offset)?;
        consumer.incremental_unassign(&list)?;
        consumer.incremental_assign(&from)?;
        self.commits().give_up(partitions);
        let since = self.assignments.fetch_add(1, Ordering::Relaxed);
        lock(&self.owned).insert(partition.clone(), since);
        self.state.go_on(partitions);
        if self.paused.load(Ordering::Relaxed) { consumer.pause(&list) } else { consumer.resume(&list) }
    }

    /// librdkafka's figures, every two seconds.
    pub fn statistics(&self, json: &[u8]) {
        match serde_json::from_slice(json) {
            Ok(statistics) => self.read(&statistics),
            Err(error) => warn!(%error, "librdkafka's statistics could not be read"),
        }
    }

    fn read(&self, statistics: &rdkafka::Statistics) {
        let answers = statistics.brokers.values().map(|broker| broker.rx).sum();
        if self.answers.swap(answers, Ordering::Relaxed) != answers {
            self.state.contact();
        }
        let is_member =
            statistics.cgrp.as_ref().is_some_and(|group| group.state == "up" && group.join_state == "steady");
        // The client has a connection of its own for the coordinator; it is no broker of the cluster's list.
        let coordinator = statistics.brokers.values().find(|broker| broker.source == "logical" && broker.state == "UP");
        if let Some(coordinator) = coordinator.filter(|_| is_member) {
            self.state.seems_steady(Duration::from_micros(coordinator.stateage.try_into().unwrap_or_default()));
        }
        let stopped = self.state.stopped();
        for (topic, partition) in lock(&self.owned).keys() {
            for why in [Stop::OutOfRange, Stop::Unreadable] {
                let stands = |stop: &StoppedPartition| {
                    (stop.topic.as_str(), stop.partition, stop.why) == (topic.as_str(), *partition, why)
                };
                report_stopped(topic, *partition, why, stopped.iter().any(stands));
            }
        }
        for (topic, missing) in self.state.missing() {
            metrics::gauge!("saga_topic_missing", "topic" => topic).set(f64::from(u8::from(missing)));
        }
        for (topic, partitions) in &statistics.topics {
            for (partition, figures) in &partitions.partitions {
                // The member that owns a partition reports it.
                if let (Some(lag), Some(_)) = (lag(figures), self.owned_since(topic, *partition)) {
                    report_lag(topic, *partition, lag);
                }
            }
        }
    }
}

fn report_lag(topic: &str, partition: i32, lag: i64) {
    metrics::gauge!("saga_consumer_lag_messages", "topic" => topic.to_owned(), "partition" => partition.to_string())
        .set(lag as f64);
}

fn report_stopped(topic: &str, partition: i32, why: Stop, stopped: bool) {
    let labels = [("topic", topic.to_owned()), ("partition", partition.to_string()), ("why", why.name().to_owned())];
    metrics::gauge!("saga_consumer_stopped_partition", &labels).set(if stopped { 1.0 } else { 0.0 });
}

impl ClientContext for Group {}

/// Called only while the consumer closes: everything else is polled by the source itself.
impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.retired.load(Ordering::Relaxed) {
            if let Err(error) = consumer.unassign() {
                warn!(%error, "a client that was replaced did not give its partitions back");
            }
            return;
        }
        let partitions: Vec<Partition> =
            list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
        let assigned = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Some(true),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Some(false),
            _ => None,
        };
        self.rebalanced(consumer, assigned, &partitions);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            warn!(%error, "the last offsets were not committed; their events come again and are skipped");
        }
    }
}

/// A partition without a committed offset is new to the group: it is read from its beginning, so no event is skipped.
fn with_beginnings(consumer: &BaseConsumer<Group>, list: &TopicPartitionList) -> TopicPartitionList {
    let mut assignment = list.clone();
    match consumer.committed_offsets(list.clone(), ASKED_FOR) {
        Ok(committed) => {
            for element in committed.elements().iter().filter(|element| element.offset() == Offset::Invalid) {
                // Only a partition that is not in the list could be refused, and it comes from the list.
                let _ = assignment.set_partition_offset(element.topic(), element.partition(), Offset::Beginning);
            }
        }
        Err(error) => {
            warn!(%error, "committed offsets could not be read; partitions that are new to the group wait for them")
        }
    }
    assignment
}

fn list_of(partitions: &[Partition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}

/// As librdkafka wants them for a commit.
pub(super) fn positions(positions: &[Position]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for position in positions {
        list.add_partition_offset(&position.topic, position.partition, Offset::Offset(position.offset))?;
    }
    Ok(list)
}

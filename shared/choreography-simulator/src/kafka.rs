//! Kafka: partitions in order, topics in none; groups whose members come and go; producers whose messages arrive late.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use choreography_core::{
    broker::{BrokerError, EventConsumer, EventProducer, PublishError},
    delivery::{Delivery, Position},
    outbox::{OutboxRow, share_of},
    store::OutboxMessage,
};
use chrono::{DateTime, Utc};

use crate::{
    core::{Core, lock, pause},
    faults::Fault,
    plant::Plant,
};

pub const PARTITIONS: i32 = 2;

type Partition = (String, i32);

/// The broker.
#[derive(Default)]
pub struct Broker {
    /// Every partition, in order.
    pub logs: BTreeMap<Partition, Vec<Delivery>>,
    committed: BTreeMap<(&'static str, Partition), usize>,
    members: BTreeMap<&'static str, Vec<u64>>,
    /// Rises whenever partitions may change hands; a member that does not know the newest commits nothing.
    generations: BTreeMap<&'static str, u64>,
    /// What dead producers had in flight: it arrives, in order, when it arrives.
    late: VecDeque<OutboxMessage>,
    /// Topics that take nothing until then.
    pub away: BTreeMap<String, DateTime<Utc>>,
}

/// A broker that all replicas share.
pub type Kafka = Arc<Mutex<Broker>>;

impl Broker {
    /// A message arrives.
    pub fn append(&mut self, message: OutboxMessage) {
        let partition = share_of(message.key.as_deref(), PARTITIONS);
        let log = self.logs.entry((message.topic.clone(), partition)).or_default();
        let offset = i64::try_from(log.len()).unwrap_or(i64::MAX);
        let position = Position { topic: Arc::from(message.topic.as_str()), partition, offset };
        log.push(Delivery {
            position,
            key: message.key,
            payload: message.payload.map(Into::into),
            headers: message.headers,
        });
    }

    fn is_away(&self, topic: &str, now: DateTime<Utc>) -> bool {
        self.away.get(topic).is_some_and(|until| *until > now)
    }

    /// The message at this place once more.
    pub fn append_again(&mut self, position: &Position) {
        let log = self.logs.get(&(position.topic.to_string(), position.partition));
        let offset = usize::try_from(position.offset).unwrap_or(usize::MAX);
        let Some(message) = log.and_then(|log| log.get(offset)).cloned() else { return };
        self.append(OutboxMessage {
            topic: position.topic.to_string(),
            key: message.key,
            payload: message.payload.map(|bytes| bytes.to_vec()),
            headers: message.headers,
            nth: None,
        });
    }

    /// One message of a dead producer arrives.
    pub fn arrive_late(&mut self) -> bool {
        let message = self.late.pop_front();
        let arrived = message.is_some();
        message.into_iter().for_each(|message| self.append(message));
        arrived
    }

    /// A member comes.
    pub fn join(&mut self, group: &'static str, member: u64) {
        self.members.entry(group).or_default().push(member);
        self.begin_generation(group);
    }

    fn begin_generation(&mut self, group: &'static str) {
        *self.generations.entry(group).or_default() += 1;
    }

    /// A member goes.
    pub fn leave(&mut self, group: &'static str, member: u64) {
        self.members.entry(group).or_default().retain(|other| *other != member);
        self.begin_generation(group);
    }

    /// The members change places, and with them their partitions.
    pub fn rotate(&mut self, group: &'static str) {
        if let Some(members) = self.members.get_mut(group).filter(|members| !members.is_empty()) {
            members.rotate_left(1);
        }
        self.begin_generation(group);
    }

    /// The newest generation, with the member in it: a member from which the group heard nothing for too long joins again.
    fn generation(&mut self, group: &'static str, member: u64) -> u64 {
        if !self.members.get(group).is_some_and(|members| members.contains(&member)) {
            self.join(group, member);
        }
        self.generations.get(group).copied().unwrap_or_default()
    }

    /// Whether the group has committed everything that stands on the topic.
    pub fn is_read(&self, group: &'static str, topics: &[&'static str]) -> bool {
        self.logs
            .iter()
            .filter(|((topic, _), _)| topics.contains(&topic.as_str()))
            .all(|(partition, log)| self.committed.get(&(group, partition.clone())).copied().unwrap_or(0) >= log.len())
    }

    fn assigned(&self, group: &'static str, member: u64, topics: &[&'static str]) -> Vec<Partition> {
        let members = self.members.get(group).cloned().unwrap_or_default();
        let Some(place) = members.iter().position(|other| *other == member) else { return Vec::new() };
        // Partition n of two topics need not be on one member, so replicas can hold one order's key at once.
        let all = topics.iter().enumerate().flat_map(|(shift, topic)| {
            (0..PARTITIONS).zip(shift..).map(|(partition, turn)| (turn, ((*topic).to_owned(), partition)))
        });
        all.filter(|(turn, _)| turn % members.len() == place).map(|(_, partition)| partition).collect()
    }
}

/// A member of a group.
pub struct Consumer {
    pub core: Arc<Core>,
    pub kafka: Kafka,
    pub group: &'static str,
    pub member: u64,
    pub topics: Vec<&'static str>,
    /// How far it has read, and since which generation the partition is its own.
    pub positions: BTreeMap<Partition, (usize, u64)>,
    pub generation: u64,
    /// Commits under way: each is decided later, and may fail.
    pub commits: Vec<Vec<Position>>,
    pub confirmed: Vec<Position>,
}

impl Consumer {
    /// The broker answers the commits under way, or they are lost.
    fn answer_commits(&mut self) {
        for next in std::mem::take(&mut self.commits) {
            let mut broker = lock(&self.kafka);
            let assigned = broker.assigned(self.group, self.member, &self.topics);
            if self.core.strikes(Fault::OffsetsLost) || broker.generations.get(self.group) != Some(&self.generation) {
                self.core.report(|| format!("{} {} loses a commit", self.group, self.member));
                continue;
            }
            for position in next {
                let partition = (position.topic.to_string(), position.partition);
                if assigned.contains(&partition) {
                    let offset = usize::try_from(position.offset).unwrap_or(0);
                    self.core.report(|| format!("{} {} commits {partition:?} {offset}", self.group, self.member));
                    broker.committed.insert((self.group, partition), offset);
                    self.confirmed.push(position);
                }
            }
        }
    }

    /// Takes up what the group's assignment says now; what is new begins at its committed offset.
    fn rebalance(&mut self) {
        let mut broker = lock(&self.kafka);
        let generation = broker.generation(self.group, self.member);
        if generation > self.generation + 1 {
            // Another member may have had the partition in between.
            self.positions.clear();
        }
        self.generation = generation;
        let assigned = broker.assigned(self.group, self.member, &self.topics);
        let mut positions = BTreeMap::new();
        for partition in assigned {
            let committed = broker.committed.get(&(self.group, partition.clone())).copied().unwrap_or(0);
            let kept = self.positions.get(&partition).copied();
            let (mut position, since) = kept.unwrap_or((committed, generation));
            if self.core.strikes(Fault::Rewound) {
                // As after a rebalance that lost the commits under way.
                position = position.min(committed.saturating_sub(self.core.pick(3)));
            }
            positions.insert(partition, (position, since));
        }
        self.positions = positions;
    }
}

impl Consumer {
    /// In good order; what was not committed comes again.
    pub fn leave(self) {
        lock(&self.kafka).leave(self.group, self.member);
    }

    fn take(&mut self, limit: usize) -> Vec<Delivery> {
        let mut batch = Vec::new();
        let broker = lock(&self.kafka);
        for (partition, (position, _)) in &mut self.positions {
            // Topics have no order between them: some have nothing to offer this time.
            if self.core.pick(3) == 0 {
                continue;
            }
            let log = broker.logs.get(partition).map(Vec::as_slice).unwrap_or_default();
            let up_to = log.len().min(*position + 1 + self.core.pick(limit));
            batch.extend_from_slice(&log[(*position).min(up_to)..up_to]);
            *position = up_to;
        }
        batch
    }
}

impl EventConsumer for Consumer {
    async fn poll(&mut self, limit: usize) -> Result<Vec<Delivery>, BrokerError> {
        self.core.enter("poll");
        pause().await;
        self.answer_commits();
        self.rebalance();
        if self.core.strikes(Fault::PollFails) {
            return Err(BrokerError::Transient("the broker is away".into()));
        }
        let batch = self.take(limit);
        if self.core.has(Plant::PollNotCancelSafe) {
            pause().await;
        }
        if self.core.has(Plant::OffsetsFirst) {
            let next: Vec<Position> = batch
                .iter()
                .map(|delivery| Position { offset: delivery.position.offset + 1, ..delivery.position.clone() })
                .collect();
            self.commit(&next).await?;
            self.answer_commits();
        }
        Ok(batch)
    }

    async fn keep_alive(&mut self) -> Result<(), BrokerError> {
        self.core.enter("keep_alive");
        pause().await;
        self.answer_commits();
        self.rebalance();
        Ok(())
    }

    fn owned_since(&self, topic: &str, partition: i32) -> Option<u64> {
        self.positions.get(&(topic.to_owned(), partition)).map(|(_, since)| *since)
    }

    async fn commit(&mut self, next: &[Position]) -> Result<(), BrokerError> {
        self.core.enter("commit_offsets");
        pause().await;
        if self.core.strikes(Fault::OffsetsLost) {
            return Err(BrokerError::Transient("the commit was not sent".into()));
        }
        if self.core.has(Plant::CommitsForgotten) {
            self.confirmed.extend_from_slice(next);
        }
        self.commits.push(next.to_vec());
        Ok(())
    }

    fn take_confirmed(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.confirmed)
    }
}

/// A producer.
pub struct Producer {
    pub core: Arc<Core>,
    pub kafka: Kafka,
}

/// Messages on their way; if the producer dies, some of them arrive later.
struct InFlight<'a> {
    producer: &'a Producer,
    messages: VecDeque<OutboxMessage>,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let arriving = self.producer.core.pick(self.messages.len() + 1);
        lock(&self.producer.kafka).late.extend(self.messages.drain(..).take(arriving));
    }
}

impl EventProducer for Producer {
    async fn publish(&mut self, rows: Vec<OutboxRow>) -> Vec<Result<(), PublishError>> {
        let len = rows.len();
        let mut in_flight = InFlight { producer: self, messages: rows.into_iter().map(|row| row.message).collect() };
        let core = in_flight.producer.core.clone();
        core.enter("publish");
        let slow = if core.strikes(Fault::Slow) { 12 } else { 1 };
        let mut results: Vec<Result<(), PublishError>> = Vec::new();
        let (mut topics, mut keys) = (HashSet::new(), HashSet::new());
        // A producer that loses a message of a partition sends none behind it there.
        let mut failed = BTreeSet::new();
        while let Some(message) = in_flight.messages.front().cloned() {
            for _ in 0..slow {
                core.enter("publish");
                pause().await;
            }
            let away = lock(&in_flight.producer.kafka).is_away(&message.topic, core.now());
            let key = (message.topic.clone(), message.key.clone());
            let refused = if away || topics.contains(&message.topic) {
                topics.insert(message.topic);
                Some(PublishError::Topic("this service may not write it".into()))
            } else if keys.contains(&key) {
                Some(PublishError::Transient("behind a refused message of its key".into()))
            } else if core.strikes(Fault::MessageRefused) {
                keys.insert(key);
                Some(PublishError::Refused("too large".into()))
            } else {
                None
            };
            if let Some(error) = refused {
                in_flight.messages.pop_front();
                results.push(Err(error));
                continue;
            }
            if core.strikes(Fault::NotSent) {
                break;
            }
            let Some(message) = in_flight.messages.pop_front() else { break };
            let partition = (message.topic.clone(), share_of(message.key.as_deref(), PARTITIONS));
            if failed.contains(&partition) || core.strikes(Fault::FailedInTheMiddle) {
                failed.insert(partition);
                results.push(Err(PublishError::Transient("not acknowledged".into())));
                continue;
            }
            lock(&in_flight.producer.kafka).append(message);
            // The acknowledgement may be lost although the message arrived.
            if core.strikes(Fault::AcknowledgementLost) {
                break;
            }
            results.push(Ok(()));
        }
        if results.iter().skip_while(|result| result.is_ok()).any(Result::is_ok) {
            core.count("relay", "acknowledged behind a failed one");
        }
        results.resize(len, Err(PublishError::Transient("not acknowledged".into())));
        results
    }

    async fn look_for(&mut self, topic: &str) -> Result<(), PublishError> {
        self.core.enter("look_for");
        pause().await;
        match lock(&self.kafka).is_away(topic, self.core.now()) {
            true => Err(PublishError::Topic("this service may not write it".into())),
            false => Ok(()),
        }
    }
}

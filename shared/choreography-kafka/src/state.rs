//! What a consumer knows of its standing with Kafka: for readiness, metrics and the log.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A rebalance, or a coordinator that is connected anew, takes less: the consumer remains a member.
const STEADY_FOR: Duration = Duration::from_secs(20);

/// A coordinator whose connection has held for so long answers heartbeats: they have a time limit of one interval, 5 s if the broker
/// says nothing else, and within a second librdkafka ends the connection of one that is not answered.
const HOLDS: Duration = Duration::from_secs(8);

/// A broker that is well answers a heartbeat every second.
const SILENT: Duration = Duration::from_secs(10);

/// Shared between the consumer, which writes it, and the probes.
#[derive(Debug, Default)]
pub struct KafkaState {
    inner: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    partitions: usize,
    steady: Option<Instant>,
    contact: Option<Instant>,
    last_error: Option<KafkaTrouble>,
    stopped: BTreeMap<(String, i32), StoppedPartition>,
    /// Topics that are subscribed to; true: they were found missing.
    missing: BTreeMap<String, bool>,
}

/// How a consumer stands at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How many partitions this member owns. None, though it has joined: the group has more members than partitions.
    pub partitions: usize,
    /// It is a member of its group and has its share of the partitions, which may be none.
    pub joined: bool,
    /// Since it last was; `None`: it never was.
    pub joined_age: Option<Duration>,
    /// Since the broker last answered anything; `None`: it never did. With a broker that is well, below three seconds.
    pub contact_age: Option<Duration>,
    /// The last error that concerned no partition, or passes by itself.
    pub last_error: Option<KafkaTrouble>,
    /// Partitions that stand still until an operator acts.
    pub stopped: Vec<StoppedPartition>,
    /// Topics that are subscribed to and not there.
    pub missing: Vec<String>,
}

impl Snapshot {
    /// Why this consumer is not to be called ready; `None`: it is. Names no hosts: unauthenticated clients may read it.
    ///
    /// A partition that can't be read leaves it ready: one message of an unknown client takes no API out of service. A partition
    /// whose offset is out of range does not: events were lost, or are about to be.
    pub fn problem(&self) -> Option<String> {
        if let Some(lost) = self.stopped.iter().find(|stopped| stopped.why == Stop::OutOfRange) {
            return Some(format!("{lost}; what to do is said in the operations page"));
        }
        match self.contact_age {
            None => Some("Kafka has not answered yet".into()),
            Some(age) if age > SILENT => Some(format!("Kafka has not answered for {} s", age.as_secs())),
            Some(_) if self.joined => None,
            Some(_) => Some(match self.joined_age {
                None => "the consumer group has not let this replica in yet".into(),
                Some(age) => format!(
                    "the coordinator of the consumer group has not answered for {} s, or a rebalance does not end",
                    age.as_secs()
                ),
            }),
        }
    }

    /// What a ready consumer says of itself.
    pub fn standing(&self) -> String {
        let mut text = match self.partitions {
            0 if !self.missing.is_empty() => "no partitions".to_owned(),
            0 => "no partitions: its group has more members than partitions".to_owned(),
            1 => "1 partition".to_owned(),
            many => format!("{many} partitions"),
        };
        for stopped in &self.stopped {
            text.push_str(&format!("; degraded: {stopped}"));
        }
        for topic in &self.missing {
            text.push_str(&format!("; degraded: the topic {topic} is not there"));
        }
        text
    }
}

impl std::fmt::Display for StoppedPartition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = match self.why {
            Stop::OutOfRange => "its offset is out of range",
            Stop::Unreadable => "what stands there can't be read",
        };
        write!(formatter, "{}[{}] stands still at {}: {why}", self.topic, self.partition, self.offset)
    }
}

/// An error that librdkafka reported.
#[derive(Clone, Debug)]
pub struct KafkaTrouble {
    /// librdkafka's words.
    pub text: String,
    /// The topic, where one is concerned.
    pub topic: Option<String>,
    /// The partition, where one is concerned.
    pub partition: Option<i32>,
    /// When it was.
    pub at: Instant,
}

/// A partition that this consumer can't go on with; the others go on.
#[derive(Clone, Debug)]
pub struct StoppedPartition {
    /// The topic, where one is concerned.
    pub topic: String,
    /// The partition, where one is concerned.
    pub partition: i32,
    /// The first offset that was not handled; negative where none is known.
    pub offset: i64,
    /// What kind of stop it is.
    pub why: Stop,
    /// librdkafka's words.
    pub text: String,
    /// Since when.
    pub since: Instant,
}

/// Why a partition stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What stands at the group's offset is gone, or never was there: going on elsewhere could skip events.
    OutOfRange,
    /// The batch at the offset does not decompress, is corrupt, or is larger than this service takes.
    Unreadable,
}

impl Stop {
    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutOfRange => "out-of-range",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Standing {
    fn missing_now(&self) -> impl Iterator<Item = &String> {
        self.missing.iter().filter(|(_, missing)| **missing).map(|(topic, _)| topic)
    }
}

impl KafkaState {
    fn inner(&self) -> MutexGuard<'_, Standing> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands this moment.
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.inner();
        let joined_age = inner.steady.map(|at| at.elapsed());
        Snapshot {
            partitions: inner.partitions,
            joined: joined_age.is_some_and(|age| age < STEADY_FOR),
            joined_age,
            contact_age: inner.contact.map(|at| at.elapsed()),
            last_error: inner.last_error.clone(),
            stopped: inner.stopped.values().cloned().collect(),
            missing: inner.missing_now().cloned().collect(),
        }
    }

    pub(super) fn set_missing(&self, topic: &str, missing: bool) {
        self.inner().missing.insert(topic.to_owned(), missing);
    }

    /// Every topic that is subscribed to, and whether it is missing.
    pub(super) fn missing(&self) -> BTreeMap<String, bool> {
        self.inner().missing.clone()
    }

    /// How many partitions this member owns.
    pub fn partitions(&self) -> usize {
        self.inner().partitions
    }

    pub(super) fn set_partitions(&self, partitions: usize) {
        self.inner().partitions = partitions;
    }

    /// The group has its coordinator, and this member its share.
    pub(super) fn steady(&self) {
        self.inner().steady = Some(Instant::now());
    }

    /// As librdkafka sees it, with a connection to the coordinator that has held for so long. One that takes connections and answers
    /// no heartbeat is connected to again and again, so a short while says something only of a new member.
    pub(super) fn seems_steady(&self, held: Duration) {
        let mut inner = self.inner();
        if inner.steady.is_none() || held >= HOLDS {
            inner.steady = Some(Instant::now());
        }
    }

    /// The broker answered something.
    pub(super) fn contact(&self) {
        self.inner().contact = Some(Instant::now());
    }

    /// Writes an error down. `true`: it is another than the last, or that was a while ago, so it is worth a line in the log.
    pub(super) fn failed(&self, trouble: KafkaTrouble) -> bool {
        const AGAIN: Duration = Duration::from_secs(30);
        let mut inner = self.inner();
        let known = inner.last_error.as_ref().is_some_and(|last| {
            (&last.text, &last.topic, last.partition) == (&trouble.text, &trouble.topic, trouble.partition)
                && trouble.at.duration_since(last.at) < AGAIN
        });
        if !known {
            inner.last_error = Some(trouble);
        }
        !known
    }

    /// `true`: it did not stand still before.
    pub(super) fn stop(&self, stopped: StoppedPartition) -> bool {
        let mut inner = self.inner();
        let key = (stopped.topic.clone(), stopped.partition);
        if inner.stopped.contains_key(&key) {
            return false;
        }
        inner.stopped.insert(key, stopped);
        true
    }

    pub(super) fn is_stopped(&self, topic: &str, partition: i32) -> bool {
        let inner = self.inner();
        !inner.stopped.is_empty() && inner.stopped.contains_key(&(topic.to_owned(), partition))
    }

    pub(super) fn stopped(&self) -> Vec<StoppedPartition> {
        self.inner().stopped.values().cloned().collect()
    }

    /// It goes on, or is another member's by now.
    pub(super) fn go_on(&self, partitions: &[(String, i32)]) {
        self.inner().stopped.retain(|partition, _| !partitions.contains(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(partition: i32) -> StoppedPartition {
        let (topic, text) = ("order-events".to_owned(), "gone".to_owned());
        StoppedPartition { topic, partition, offset: 7, why: Stop::OutOfRange, text, since: Instant::now() }
    }

    #[test]
    fn a_partition_stops_once_and_goes_on_when_it_is_released() {
        let state = KafkaState::default();
        assert!(state.stop(stopped(1)) && !state.stop(stopped(1)) && state.stop(stopped(2)));
        state.go_on(&[("order-events".into(), 1)]);
        assert!(!state.is_stopped("order-events", 1) && state.is_stopped("order-events", 2));
        assert_eq!(state.snapshot().stopped.len(), 1);
    }

    #[test]
    fn readiness_wants_contact_membership_and_no_lost_events() {
        let state = KafkaState::default();
        assert_eq!(state.snapshot().problem().as_deref(), Some("Kafka has not answered yet"));
        state.contact();
        assert!(state.snapshot().problem().is_some_and(|problem| problem.contains("group")));
        state.steady();
        assert_eq!(state.snapshot().problem(), None);
        assert!(state.snapshot().standing().starts_with("no partitions"));
        let silent = Snapshot { contact_age: Some(Duration::from_secs(11)), ..state.snapshot() };
        assert_eq!(silent.problem().as_deref(), Some("Kafka has not answered for 11 s"));
        state.stop(StoppedPartition { why: Stop::Unreadable, ..stopped(1) });
        assert_eq!(state.snapshot().problem(), None);
        assert!(state.snapshot().standing().contains("degraded: order-events[1] stands still at 7"));
        state.stop(stopped(2));
        assert!(state.snapshot().problem().is_some_and(|problem| problem.starts_with("order-events[2]")));
    }

    #[test]
    fn a_coordinator_that_is_connected_to_again_and_again_makes_nobody_a_member_for_longer() {
        let state = KafkaState::default();
        state.contact();
        state.seems_steady(Duration::ZERO);
        assert_eq!(state.snapshot().problem(), None, "the group has just let it in");
        let before = state.inner().steady;
        state.seems_steady(HOLDS / 2);
        assert_eq!(state.inner().steady, before);
        state.seems_steady(HOLDS);
        assert!(state.inner().steady > before);
        let out = Snapshot { joined: false, joined_age: Some(Duration::from_secs(40)), ..state.snapshot() };
        assert!(out.problem().is_some_and(|problem| problem.contains("coordinator") && problem.contains("40 s")));
    }

    #[test]
    fn the_same_error_is_worth_one_line_for_a_while() {
        let state = KafkaState::default();
        let trouble = |text: &str, at| KafkaTrouble { text: text.into(), topic: None, partition: None, at };
        let now = Instant::now();
        assert!(state.failed(trouble("a", now)) && !state.failed(trouble("a", now)) && state.failed(trouble("b", now)));
        assert!(state.failed(trouble("b", now + Duration::from_secs(31))));
    }
}

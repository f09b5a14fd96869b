//! The topics that a member subscribes to. Of a topic that moves it is the old one, until the group has finished that.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use choreography_core::topic_moves::{Standing, Switch};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaResult,
};
use tracing::{info, warn};

use super::group::Group;

/// How often Kafka is asked whether the old topic is finished; and how long after it gave no answer.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// No message is read while the question is open.
const LOOKS_FOR: Duration = Duration::from_secs(2);

/// Shared by a member's clients, of which one may take another's place.
pub(super) struct Subscription(Mutex<Topics>);

struct Topics {
    names: Vec<String>,
    /// Those that are still to be made.
    switches: Vec<Switch>,
    /// When it is looked next.
    look_at: Instant,
}

impl Subscription {
    pub fn new(topics: &[&str], switches: Vec<Switch>) -> Self {
        let names = topics.iter().map(|topic| (*topic).to_owned()).collect();
        switches.iter().for_each(|switch| report(switch, false));
        Self(Mutex::new(Topics { names, switches, look_at: Instant::now() }))
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn topics(&self) -> Vec<String> {
        self.lock().names.clone()
    }

    /// Whether it is time to [`look`](Self::look).
    pub fn is_to_look(&self) -> bool {
        self.lock().is_to_look()
    }

    /// Looks now and then whether the group has finished an old topic, and subscribes to the new one in its place. The group's
    /// committed offsets say so, whichever members have the old partitions; so a member that starts anew finds out the same.
    pub fn look(&self, consumer: &BaseConsumer<Group>) {
        let mut topics = self.lock();
        if !topics.is_to_look() {
            return;
        }
        topics.look_at = Instant::now() + LOOK_EVERY;
        for switch in topics.switches.clone() {
            match is_due(consumer, &switch) {
                Ok(true) => topics.make(consumer, &switch),
                Ok(false) => {}
                Err(error) => {
                    warn!(%error, topic = switch.from, "it was not found out whether the old topic is finished; it is read on");
                    topics.look_at = Instant::now() + AFTER_FAILURE;
                }
            }
        }
    }
}

impl Topics {
    fn is_to_look(&self) -> bool {
        !self.switches.is_empty() && Instant::now() >= self.look_at
    }

    fn make(&mut self, consumer: &BaseConsumer<Group>, switch: &Switch) {
        let Switch { from, to, .. } = switch;
        let names: Vec<String> =
            self.names.iter().map(|name| if name == from { to.clone() } else { name.clone() }).collect();
        if let Err(error) = consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>()) {
            warn!(%error, topic = to, "the topic could not be subscribed to; that is tried again");
            return;
        }
        info!(from, to, "the old topic is handled up to its switch offsets; from here on the new one is read");
        self.names = names;
        self.switches.retain(|other| other != switch);
        consumer.context().state.set_missing(to, false);
        report(switch, true);
    }
}

/// Whether all of the group, and not only this member, has handled the old partitions up to the switch offsets.
fn is_due(consumer: &BaseConsumer<Group>, switch: &Switch) -> KafkaResult<bool> {
    let mut list = TopicPartitionList::new();
    for partition in (0..).take(switch.offsets.len()) {
        list.add_partition(&switch.from, partition);
    }
    let committed = consumer.committed_offsets(list, LOOKS_FOR)?;
    let mut standings = Vec::new();
    for element in committed.elements() {
        element.error()?;
        let committed = match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        // Only of a partition of which nothing was committed it is of interest where it begins.
        let first = match committed {
            Some(_) => 0,
            None => consumer.fetch_watermarks(&switch.from, element.partition(), LOOKS_FOR)?.0,
        };
        standings.push(Standing { committed, first });
    }
    Ok(switch.is_due(&standings))
}

fn report(switch: &Switch, made: bool) {
    let labels = [("from", switch.from.clone()), ("to", switch.to.clone())];
    metrics::gauge!("saga_topic_switched", &labels).set(if made { 1.0 } else { 0.0 });
}

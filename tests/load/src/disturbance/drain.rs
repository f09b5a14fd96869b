//! How fast consumer groups get through what stands on their topics, by the offsets that they commit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use local::System;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::watermarks;

const LOOK: Duration = Duration::from_millis(200);
const ANSWER: Duration = Duration::from_secs(20);

/// Offsets by topic and partition.
pub type Offsets = BTreeMap<(String, i32), i64>;

/// Where topics end now. The broker is asked on another thread, since this one times the answers to requests.
pub async fn ends(system: &System, topics: &'static [&'static str]) -> Result<Offsets> {
    let consumer = consumer(system, "load")?;
    tokio::task::spawn_blocking(move || ends_of(&consumer, topics)).await?
}

fn ends_of(consumer: &BaseConsumer, topics: &[&str]) -> Result<Offsets> {
    let ends = watermarks::ends(consumer, topics)?;
    Ok(ends.into_iter().map(|(topic, partition, end)| ((topic, partition), end)).collect())
}

/// Of one that only asks: it joins no group.
fn consumer(system: &System, group: &str) -> Result<BaseConsumer> {
    let mut config = system.broker.connection().config();
    config.set("group.id", group).set("enable.auto.commit", "false");
    config.create().context("a consumer could not be made")
}

/// Messages between two offsets, over all partitions.
pub fn between(from: &Offsets, to: &Offsets) -> u64 {
    let of = |(partition, to): (&(String, i32), &i64)| (to - from.get(partition).unwrap_or(&0)).max(0);
    to.iter().map(of).sum::<i64>().cast_unsigned()
}

/// What a group has to read: from the first offsets to before the second.
#[derive(Debug, Clone)]
struct Part {
    from: Offsets,
    to: Offsets,
}

impl Part {
    fn events(&self) -> u64 {
        between(&self.from, &self.to)
    }

    /// How many of them are committed; what lies behind the end is not of the part.
    fn done(&self, committed: &Offsets) -> u64 {
        let reached = self.to.iter().map(|(partition, to)| {
            let from = self.from.get(partition).copied().unwrap_or_default();
            (partition.clone(), committed.get(partition).copied().unwrap_or(from).min(*to))
        });
        between(&self.from, &reached.collect())
    }
}

/// How far a group has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drained {
    pub service: &'static str,
    pub events: u64,
    pub done: u64,
    /// When it was first seen to have done something, and how much that was.
    first: Option<(Duration, u64)>,
    /// When it was seen to have done all.
    pub took: Option<Duration>,
}

impl Drained {
    fn saw(&mut self, at: Duration, done: u64) {
        self.done = done;
        if done > 0 && self.first.is_none() {
            self.first = Some((at, done));
        }
        if done == self.events && self.took.is_none() {
            self.took = Some(at);
        }
    }

    /// Events a second, between the first look that saw some done and the one that saw all done; `None` if one look saw
    /// both.
    pub fn rate(&self) -> Option<f64> {
        let ((first, done), last) = (self.first?, self.took?);
        let seconds = last.saturating_sub(first).as_secs_f64();
        (seconds > 0.0).then(|| self.events.saturating_sub(done) as f64 / seconds)
    }
}

/// Looks on until it is dropped.
pub struct Watch {
    seen: Arc<Mutex<Vec<Drained>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// From now on; `groups`: each service with the topics of which it reads what stands between `from` and `to`.
    pub fn start(system: &System, groups: &[(&'static str, &[&str])], from: &Offsets, to: &Offsets) -> Result<Self> {
        let mut watched = Vec::new();
        for (service, topics) in groups {
            let of = |all: &Offsets| {
                let own = all.iter().filter(|((topic, _), _)| topics.contains(&topic.as_str()));
                own.map(|(partition, offset)| (partition.clone(), *offset)).collect()
            };
            watched.push((consumer(system, service)?, Part { from: of(from), to: of(to) }));
        }
        let events = groups.iter().zip(&watched).map(|((service, _), (_, part))| Drained {
            service,
            events: part.events(),
            ..Drained::default()
        });
        let (seen, stop) = (Arc::new(Mutex::new(events.collect())), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            std::thread::Builder::new().name("drain".into()).spawn(move || look_on(&watched, &seen, &stop))
        };
        Ok(Self { seen, stop, thread: Some(thread?) })
    }

    pub fn seen(&self) -> Vec<Drained> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_over(&self) -> bool {
        self.seen().iter().all(|drained| drained.took.is_some())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look_on(watched: &[(BaseConsumer, Part)], seen: &Mutex<Vec<Drained>>, stop: &AtomicBool) {
    let start = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for (number, (consumer, part)) in watched.iter().enumerate() {
            // What can't be asked now is asked at the next look.
            let Some(committed) = committed(consumer, &part.to) else { continue };
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(drained) = seen.get_mut(number) {
                drained.saw(start.elapsed(), part.done(&committed));
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn committed(consumer: &BaseConsumer, partitions: &Offsets) -> Option<Offsets> {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions.keys() {
        list.add_partition(topic, *partition);
    }
    let committed = consumer.committed_offsets(list, ANSWER).ok()?;
    let offset = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) => Some(((element.topic().to_owned(), element.partition()), offset)),
        _ => None,
    };
    Some(committed.elements().into_iter().filter_map(offset).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(of: [i64; 2]) -> Offsets {
        of.into_iter().zip(0..).map(|(offset, partition)| (("t".to_owned(), partition), offset)).collect()
    }

    #[test]
    fn what_is_behind_the_backlog_and_what_was_before_it_does_not_count() {
        let part = Part { from: offsets([10, 20]), to: offsets([110, 70]) };
        assert_eq!(part.events(), 150);
        assert_eq!(part.done(&Offsets::new()), 0);
        assert_eq!(part.done(&offsets([10, 30])), 10);
        assert_eq!(part.done(&offsets([500, 69])), 149);
        assert_eq!(part.done(&offsets([500, 70])), 150);
    }

    #[test]
    fn a_rate_is_of_what_was_done_between_two_looks() {
        let mut drained = Drained { events: 1_000, ..Drained::default() };
        for (second, done) in [(1, 0), (2, 100), (3, 500), (5, 1_000), (9, 1_000)] {
            drained.saw(Duration::from_secs(second), done);
        }
        assert_eq!((drained.took, drained.rate()), (Some(Duration::from_secs(5)), Some(300.0)));
        let mut at_once = Drained { events: 5, ..Drained::default() };
        at_once.saw(Duration::from_secs(1), 5);
        assert_eq!(at_once.rate(), None);
    }
}

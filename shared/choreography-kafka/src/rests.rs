//! Topics of which this service ignores nearly all are read ten times a second at most, instead of at each message. A message wakes
//! every service that reads its topic, and each fetch costs the broker and the service as much whether it brings one message or fifty.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use choreography_core::delivery::Position;

/// So long such a topic is not read.
const REST: Duration = Duration::from_millis(100);
/// Over so long is counted what came, and as much before it.
const WINDOW: Duration = Duration::from_secs(1);
/// Of topics with fewer messages in that time each is read as it comes.
const BUSY: u32 = 20;
/// Fewer than one of so many messages may be handled.
const IGNORED: u32 = 32;

/// Partitions that are paused, each with the assignment that brought it.
pub(super) type Paused = Vec<((String, i32), u64)>;

/// Which topics rest. Decides only: whoever owns the client pauses and resumes.
#[derive(Default)]
pub(super) struct Rests(Vec<Topic>);

struct Topic {
    name: Arc<str>,
    /// When the window that counts began, and what came in it and in the one before.
    began: Instant,
    counting: Count,
    counted: Count,
    /// Of each partition the next offset, and when its last message came.
    next: Vec<(Position, Instant)>,
    /// Something came since it was last asked whether the topic is to rest.
    came: bool,
    rest: Option<(Instant, Paused)>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    all: u32,
    handled: u32,
}

impl Topic {
    fn new(name: Arc<str>, now: Instant) -> Self {
        let (counting, counted) = (Count::default(), Count::default());
        Self { name, began: now, counting, counted, next: Vec::new(), came: false, rest: None }
    }

    fn roll(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.began);
        if age >= WINDOW {
            self.counted = if age < 2 * WINDOW { self.counting } else { Count::default() };
            (self.began, self.counting) = (now, Count::default());
        }
    }

    fn is_to_rest(&self) -> bool {
        let all = self.counting.all.saturating_add(self.counted.all);
        let handled = self.counting.handled.saturating_add(self.counted.handled);
        self.came && self.counted.all >= BUSY && handled < all.div_ceil(IGNORED)
    }

    /// It is read, and much comes.
    fn is_lively(&self) -> bool {
        self.rest.is_none() && self.counted.all >= BUSY
    }

    fn reached(&mut self, position: &Position, now: Instant) {
        let next = Position { offset: position.offset + 1, ..position.clone() };
        match self.next.iter_mut().find(|(at, _)| at.partition == position.partition) {
            Some(known) => *known = (next, now),
            None => self.next.push((next, now)),
        }
    }
}

impl Rests {
    /// A message was handled, or ignored.
    pub fn note(&mut self, position: &Position, is_handled: bool, now: Instant) {
        let at = self.0.iter().position(|topic| topic.name == position.topic).unwrap_or_else(|| {
            self.0.push(Topic::new(position.topic.clone(), now));
            self.0.len() - 1
        });
        let topic = &mut self.0[at];
        topic.roll(now);
        topic.reached(position, now);
        topic.came = true;
        topic.counting.all = topic.counting.all.saturating_add(1);
        topic.counting.handled = topic.counting.handled.saturating_add(u32::from(is_handled));
    }

    /// A topic that is to rest from now on, and which of its partitions, each with its next offset: if all is taken that is known to be
    /// there. Those of which nothing came for a second are read on: their broker may be slower than others, and would always find them
    /// paused. Never the last topic of which much comes: librdkafka reads what is resumed as soon as the fetch that is under way is
    /// answered, so with none, or with one that nothing answers, a rest would last much longer.
    pub fn due(&mut self, now: Instant) -> Option<(Arc<str>, Vec<Position>)> {
        self.0.iter_mut().for_each(|topic| topic.roll(now));
        let lively = self.0.iter().filter(|topic| topic.is_lively()).count();
        let mut due = self.0.iter_mut().filter(|topic| topic.rest.is_none() && topic.is_to_rest());
        let due = if lively > 1 { due.next() } else { None };
        due.map(|topic| {
            topic.came = false;
            let came = |at: &&(Position, Instant)| now.saturating_duration_since(at.1) < WINDOW;
            (topic.name.clone(), topic.next.iter().filter(came).map(|(next, _)| next.clone()).collect())
        })
    }

    /// These partitions of the topic are paused from now on.
    pub fn began(&mut self, name: &Arc<str>, partitions: Paused, now: Instant) {
        if let Some(topic) = self.0.iter_mut().find(|topic| topic.name == *name) {
            topic.rest = Some((now + REST, partitions));
        }
    }

    /// A topic that is to be read again, and which of its partitions.
    pub fn over(&mut self, now: Instant) -> Option<(Arc<str>, Paused)> {
        let is_over = |topic: &&mut Topic| matches!(&topic.rest, Some((until, _)) if *until <= now);
        let topic = self.0.iter_mut().find(is_over)?;
        topic.rest.take().map(|(_, partitions)| (topic.name.clone(), partitions))
    }

    /// When the next rest is over.
    pub fn next_end(&self) -> Option<Instant> {
        self.0.iter().filter_map(|topic| topic.rest.as_ref().map(|(until, _)| *until)).min()
    }

    /// All partitions were paused or resumed for another reason.
    pub fn forget(&mut self) {
        self.0.iter_mut().for_each(|topic| topic.rest = None);
    }
}

#[cfg(test)]
#[path = "rests_tests.rs"]
mod tests;

//! What waits after a failure while everything else goes on: ranges whose delivery failed, and topics that are away.

use std::{collections::BTreeMap, time::Duration};

/// First and longest wait; doubled from failure to failure.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    base: Duration,
    cap: Duration,
}

const RANGES: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(10) };
const TOPICS: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) };

impl Backoff {
    fn wait(self, failures: u32) -> Duration {
        self.base.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.cap)
    }
}

/// Since when something fails, and until when it is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait {
    failures: u32,
    until: Duration,
}

/// All times are since the relay began.
#[derive(Debug, Default)]
pub(super) struct Waits {
    ranges: BTreeMap<i32, Wait>,
    topics: BTreeMap<String, Wait>,
}

impl Waits {
    pub fn range_failed(&mut self, range: i32, now: Duration) {
        fail(self.ranges.entry(range).or_insert(Wait { failures: 0, until: now }), RANGES, now);
    }

    pub fn topic_failed(&mut self, topic: &str, now: Duration) {
        fail(self.topics.entry(topic.to_owned()).or_insert(Wait { failures: 0, until: now }), TOPICS, now);
    }

    /// Any success ends it.
    pub fn range_succeeded(&mut self, range: i32) {
        self.ranges.remove(&range);
    }

    /// Others are held by other relays.
    pub fn keep_ranges(&mut self, held: &[i32]) {
        self.ranges.retain(|range, _| held.contains(range));
    }

    pub fn topic_succeeded(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// Whether everything that failed has succeeded since.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.topics.is_empty()
    }

    pub fn is_waiting(&self, range: i32, now: Duration) -> bool {
        self.ranges.get(&range).is_some_and(|wait| wait.until > now)
    }

    /// Topics that still are to be left alone.
    pub fn waiting_topics(&self, now: Duration) -> Vec<String> {
        self.topics.iter().filter(|(_, wait)| wait.until > now).map(|(topic, _)| topic.clone()).collect()
    }

    /// Topics whose wait is over, and which have not taken a message since they failed.
    pub fn topics_to_try(&self, now: Duration) -> Vec<String> {
        self.topics.iter().filter(|(_, wait)| wait.until <= now).map(|(topic, _)| topic.clone()).collect()
    }

    /// All topics that have not taken a message since they failed.
    pub fn failing_topics(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    /// When the next wait is over.
    pub fn next(&self, now: Duration) -> Option<Duration> {
        let all = self.ranges.values().chain(self.topics.values());
        all.map(|wait| wait.until).filter(|until| *until > now).min()
    }
}

fn fail(wait: &mut Wait, backoff: Backoff, now: Duration) {
    wait.failures += 1;
    wait.until = now + backoff.wait(wait.failures);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_failure_waits_longer_each_time_until_something_succeeds() {
        let mut waits = Waits::default();
        for expected in [1, 2, 4, 8, 10, 10] {
            waits.topic_failed("t", SECOND);
            assert_eq!(waits.next(SECOND), Some(SECOND + SECOND * expected));
        }
        waits.topic_succeeded("t");
        waits.topic_failed("t", SECOND);
        assert_eq!(waits.next(SECOND), Some(SECOND * 2));
    }

    #[test]
    fn a_topic_is_left_alone_then_tried_and_counts_as_failing_until_it_takes_something() {
        let mut waits = Waits::default();
        waits.topic_failed("t", Duration::ZERO);
        assert_eq!((waits.waiting_topics(Duration::ZERO).len(), waits.topics_to_try(Duration::ZERO).len()), (1, 0));
        assert_eq!((waits.waiting_topics(SECOND).len(), waits.topics_to_try(SECOND).len()), (0, 1));
        assert_eq!(waits.failing_topics().collect::<Vec<_>>(), ["t"]);
    }

    #[test]
    fn one_range_waits_and_no_other() {
        let mut waits = Waits::default();
        waits.range_failed(3, Duration::ZERO);
        assert_eq!([2, 3].map(|range| waits.is_waiting(range, Duration::ZERO)), [false, true]);
        waits.range_succeeded(3);
        assert!(!waits.is_waiting(3, Duration::ZERO));
    }

    #[test]
    fn a_wait_is_over_when_its_time_has_come() {
        let mut waits = Waits::default();
        waits.range_failed(3, SECOND);
        let over = SECOND + RANGES.base;
        assert_eq!(waits.next(SECOND), Some(over));
        assert_eq!((waits.is_waiting(3, over), waits.next(over)), (false, None));
    }
}

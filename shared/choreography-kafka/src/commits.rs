//! Offsets from the moment that they may be committed until the broker confirmed them. A commit that failed, or was lost in
//! a rebalance, is made again; nothing is forgotten because it was sent.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use choreography_core::delivery::Position;

/// librdkafka answers every commit; this is for the case that it does not.
const ANSWERED_BY: Duration = Duration::from_secs(70);

/// Commits are so far apart at least. Each costs the broker a request, and all that it spares is that these events come again after a
/// crash.
const EVERY: Duration = Duration::from_millis(200);

/// After one that failed, the next waits for so long. With `group.protocol=consumer` librdkafka puts its next heartbeat off by up to a
/// second (`retry.backoff.max.ms`) at each commit that is refused to a member that is out of the group. Without a pause that is longer,
/// it would send none any more, and never hear that it is out.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

type Partition = (String, i32);

#[derive(Debug, Default)]
pub(super) struct Commits {
    /// What the group's offsets should be, where the broker did not confirm them.
    wanted: BTreeMap<Partition, Position>,
    under_way: Option<Instant>,
    /// When the last one was sent.
    sent: Option<Instant>,
    /// When the last one failed, if none was confirmed since.
    failed: Option<Instant>,
    confirmed: Vec<Position>,
}

impl Commits {
    /// Takes note of what was handled. Returns the offsets to commit now: none while an answer is outstanding, or shortly after the
    /// last commit, since the next one has them all.
    pub fn want(&mut self, next: &[Position], now: Instant) -> Vec<Position> {
        self.wanted.extend(next.iter().map(|position| (partition(position), position.clone())));
        if self.sent.is_some_and(|sent| now.duration_since(sent) < EVERY) {
            return Vec::new();
        }
        self.want_now(now)
    }

    /// What to send now, however soon after the last commit, unless that one failed.
    pub fn want_now(&mut self, now: Instant) -> Vec<Position> {
        let is_recent = |at: Option<Instant>, limit| at.is_some_and(|at| now.duration_since(at) < limit);
        if self.wanted.is_empty() || is_recent(self.under_way, ANSWERED_BY) || is_recent(self.failed, AFTER_FAILURE) {
            return Vec::new();
        }
        self.under_way = Some(now);
        self.sent = Some(now);
        self.wanted.values().cloned().collect()
    }

    /// The broker answered; these offsets are committed. Others are wanted still.
    pub fn answered(&mut self, confirmed: Vec<Position>, now: Instant) {
        self.under_way = None;
        self.failed = confirmed.is_empty().then_some(now);
        for done in &confirmed {
            let key = partition(done);
            if self.wanted.get(&key).is_some_and(|wanted| wanted.offset <= done.offset) {
                self.wanted.remove(&key);
            }
        }
        self.confirmed.extend(confirmed);
    }

    /// Sending failed: there will be no answer.
    pub fn not_sent(&mut self, now: Instant) {
        self.answered(Vec::new(), now);
    }

    /// These partitions go to others. Returns the offsets to commit before.
    pub fn give_up(&mut self, partitions: &[Partition]) -> Vec<Position> {
        partitions.iter().filter_map(|partition| self.wanted.remove(partition)).collect()
    }

    /// All that is wanted still.
    pub fn open(&self) -> Vec<Position> {
        self.wanted.values().cloned().collect()
    }

    pub fn take_confirmed(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.confirmed)
    }
}

fn partition(position: &Position) -> Partition {
    (position.topic.to_string(), position.partition)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(partition: i32, offset: i64) -> Position {
        Position { topic: Arc::from("t"), partition, offset }
    }

    #[test]
    fn a_commit_that_failed_is_sent_again() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        assert_eq!(commits.want(&[at(0, 5)], now), [at(0, 5)]);
        commits.answered(Vec::new(), now);
        assert_eq!(commits.want(&[], now + AFTER_FAILURE), [at(0, 5)]);
        commits.answered(vec![at(0, 5)], now + AFTER_FAILURE);
        assert_eq!(commits.want(&[], now + AFTER_FAILURE * 2), []);
        assert_eq!(commits.take_confirmed(), [at(0, 5)]);
    }

    #[test]
    fn after_a_failure_heartbeats_have_their_turn() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.want(&[at(0, 5)], now);
        commits.answered(Vec::new(), now);
        let soon = now + AFTER_FAILURE / 2;
        assert_eq!(commits.want(&[at(0, 6)], soon), []);
        assert_eq!(commits.want_now(soon), [], "not even where it should be soon");
        assert_eq!(commits.want(&[], now + AFTER_FAILURE), [at(0, 6)]);
        commits.not_sent(now + AFTER_FAILURE);
        assert_eq!(commits.want(&[], now + AFTER_FAILURE + EVERY), []);
    }

    #[test]
    fn while_one_is_under_way_the_next_gathers() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.want(&[at(0, 5)], now);
        assert_eq!(commits.want(&[at(0, 9), at(1, 2)], now + EVERY), []);
        commits.answered(vec![at(0, 5)], now);
        assert_eq!(commits.want(&[], now + EVERY), [at(0, 9), at(1, 2)]);
    }

    #[test]
    fn shortly_after_one_the_next_gathers_unless_it_has_to_be_now() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.want(&[at(0, 5)], now);
        commits.answered(vec![at(0, 5)], now);
        assert_eq!(commits.want(&[at(0, 6)], now + EVERY / 2), []);
        assert_eq!(commits.want_now(now + EVERY / 2), [at(0, 6)]);
        commits.answered(vec![at(0, 6)], now);
        assert_eq!(commits.want(&[at(0, 7)], now + EVERY * 2), [at(0, 7)]);
    }

    #[test]
    fn an_answer_that_never_comes_holds_nothing_up_for_ever() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.want(&[at(0, 5)], now);
        assert_eq!(commits.want(&[], now + ANSWERED_BY), [at(0, 5)]);
    }

    #[test]
    fn what_goes_to_another_member_is_committed_first_and_forgotten() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.want(&[at(0, 5), at(1, 6)], now);
        assert_eq!(commits.give_up(&[("t".into(), 1), ("t".into(), 2)]), [at(1, 6)]);
        assert_eq!(commits.open(), [at(0, 5)]);
    }
}

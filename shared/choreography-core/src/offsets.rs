//! How far this member has come in each partition, until Kafka confirmed that the group's offset stands there. A commit can
//! fail long after it was asked for; without a further message of the partition nothing else would make it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{broker::EventConsumer, delivery::Position};

/// What was taken from each partition, and what of it is done with.
#[derive(Debug, Default)]
pub(crate) struct Offsets(BTreeMap<(Arc<str>, i32), Taken>);

#[derive(Debug)]
struct Taken {
    /// It counts for this assignment only: another member may have gone further before the partition came back.
    since: Option<u64>,
    /// Messages that are not done with.
    open: BTreeSet<i64>,
    /// The offset behind the last that was taken.
    next: i64,
    /// Something of it was done with, so there may be something to commit.
    moved: bool,
}

impl Taken {
    /// The offset behind which nothing may be committed.
    fn watermark(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.next)
    }
}

impl Offsets {
    /// A message was taken; `since` says from which assignment.
    pub fn take(&mut self, position: &Position, since: Option<u64>) {
        let key = (position.topic.clone(), position.partition);
        let fresh = || Taken { since, open: BTreeSet::new(), next: 0, moved: false };
        let taken = self.0.entry(key).or_insert_with(fresh);
        if taken.since != since {
            *taken = fresh();
        }
        taken.open.insert(position.offset);
        taken.next = taken.next.max(position.offset + 1);
    }

    /// It is committed in the database, or needs not to be.
    pub fn done(&mut self, position: &Position, since: Option<u64>) {
        let key = (position.topic.clone(), position.partition);
        if let Some(taken) = self.0.get_mut(&key).filter(|taken| taken.since == since) {
            taken.moved |= taken.open.remove(&position.offset);
        }
    }

    /// Forgets offsets that Kafka confirmed and partitions that another member has by now. Returns the offsets to commit.
    pub fn uncommitted<S: EventConsumer>(&mut self, consumer: &mut S) -> Vec<Position> {
        for confirmed in consumer.take_confirmed() {
            let key = (confirmed.topic, confirmed.partition);
            if let Some(taken) = self.0.get_mut(&key)
                && taken.watermark() <= confirmed.offset
            {
                taken.moved = false;
            }
        }
        self.0.retain(|(topic, partition), taken| {
            let is_mine = taken.since.is_some() && consumer.owned_since(topic, *partition) == taken.since;
            is_mine && (taken.moved || !taken.open.is_empty())
        });
        let moved = self.0.iter().filter(|(_, taken)| taken.moved);
        moved
            .map(|((topic, partition), taken)| Position {
                topic: topic.clone(),
                partition: *partition,
                offset: taken.watermark(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{broker::BrokerError, delivery::Delivery};

    /// A source whose commits are confirmed when the test says so.
    #[derive(Default)]
    struct Memory {
        owned: HashMap<i32, u64>,
        confirmed: Vec<Position>,
    }

    impl EventConsumer for Memory {
        async fn poll(&mut self, _limit: usize) -> Result<Vec<Delivery>, BrokerError> {
            Ok(Vec::new())
        }

        async fn keep_alive(&mut self) -> Result<(), BrokerError> {
            Ok(())
        }

        fn owned_since(&self, _topic: &str, partition: i32) -> Option<u64> {
            self.owned.get(&partition).copied()
        }

        async fn commit(&mut self, _next: &[Position]) -> Result<(), BrokerError> {
            Ok(())
        }

        fn take_confirmed(&mut self) -> Vec<Position> {
            std::mem::take(&mut self.confirmed)
        }
    }

    fn at(partition: i32, offset: i64) -> Position {
        Position { topic: Arc::from("t"), partition, offset }
    }

    fn owning(partitions: &[(i32, u64)]) -> Memory {
        Memory { owned: partitions.iter().copied().collect(), ..Memory::default() }
    }

    fn taken(positions: &[Position], consumer: &Memory) -> Offsets {
        let mut offsets = Offsets::default();
        for position in positions {
            offsets.take(position, consumer.owned_since("t", position.partition));
        }
        offsets
    }

    /// All of these are taken and done with.
    fn handled(positions: &[Position], consumer: &Memory) -> Offsets {
        let mut offsets = taken(positions, consumer);
        for position in positions {
            offsets.done(position, consumer.owned_since("t", position.partition));
        }
        offsets
    }

    #[test]
    fn a_watermark_is_asked_for_until_it_is_confirmed() {
        let mut consumer = owning(&[(0, 1)]);
        let mut offsets = handled(&[at(0, 3), at(0, 4)], &consumer);
        for _ in 0..3 {
            assert_eq!(offsets.uncommitted(&mut consumer), [at(0, 5)]);
        }
        consumer.confirmed = vec![at(0, 5)];
        assert_eq!(offsets.uncommitted(&mut consumer), [], "what is confirmed is not asked for again");
    }

    #[test]
    fn nothing_is_committed_behind_a_message_that_is_not_done_with() {
        let mut consumer = owning(&[(0, 1), (1, 1)]);
        let mut offsets = taken(&[at(0, 3), at(0, 4), at(0, 5), at(1, 7)], &consumer);
        assert_eq!(offsets.uncommitted(&mut consumer), []);
        offsets.done(&at(0, 5), Some(1));
        offsets.done(&at(0, 3), Some(1));
        assert_eq!(offsets.uncommitted(&mut consumer), [at(0, 4)]);
        consumer.confirmed = vec![at(0, 4)];
        assert_eq!(offsets.uncommitted(&mut consumer), []);
        offsets.done(&at(0, 4), Some(1));
        assert_eq!(offsets.uncommitted(&mut consumer), [at(0, 6)]);
    }

    #[test]
    fn the_confirmation_of_an_older_commit_leaves_the_newer_watermark() {
        let mut consumer = owning(&[(0, 1)]);
        let mut offsets = handled(&[at(0, 4)], &consumer);
        consumer.confirmed = vec![at(0, 3)];
        assert_eq!(offsets.uncommitted(&mut consumer), [at(0, 5)]);
    }

    #[test]
    fn what_another_member_has_is_left_to_it_even_if_it_comes_back() {
        let mut consumer = owning(&[(0, 1), (1, 1)]);
        let mut offsets = handled(&[at(0, 4), at(1, 4)], &consumer);
        consumer.owned = HashMap::from([(0, 2)]);
        assert_eq!(offsets.uncommitted(&mut consumer), []);
    }

    #[test]
    fn what_was_taken_before_the_partition_came_back_counts_for_nothing() {
        let mut consumer = owning(&[(0, 1)]);
        let mut offsets = taken(&[at(0, 9)], &consumer);
        consumer.owned = HashMap::from([(0, 2)]);
        offsets.take(&at(0, 4), Some(2));
        offsets.done(&at(0, 9), Some(1));
        assert_eq!(offsets.uncommitted(&mut consumer), []);
        offsets.done(&at(0, 4), Some(2));
        assert_eq!(offsets.uncommitted(&mut consumer), [at(0, 5)]);
    }

    #[test]
    fn what_never_was_this_members_is_not_committed_for_it() {
        let mut consumer = Memory::default();
        let mut offsets = handled(&[at(0, 4)], &consumer);
        assert_eq!(offsets.uncommitted(&mut consumer), []);
    }
}

//! How far this member has come in each partition, until Kafka confirmed that the group's offset stands there. A commit can
//! fail long after it was asked for; without a further message of the partition nothing else would make it again.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    delivery::Position,
    log::{EventSource, LogError},
};

/// Watermarks by partition.
#[derive(Debug, Default)]
pub(crate) struct Offsets(BTreeMap<(Arc<str>, i32), Watermark>);

/// The position after the last handled message of a partition.
#[derive(Clone, Copy, Debug)]
struct Watermark {
    next: i64,
    /// It counts for this assignment only: another member may have gone further before the partition came back.
    since: Option<u64>,
}

impl Offsets {
    /// A message was taken; `since` says from which assignment.
    pub fn take(&mut self, position: &Position, since: Option<u64>) {
        let key = (position.topic.clone(), position.partition);
        let watermark = self.0.entry(key).or_insert(Watermark { next: 0, since });
        watermark.next = watermark.next.max(position.offset + 1);
    }

    /// All of `handled` is committed in the database.
    pub fn extend(&mut self, handled: &Self) {
        self.0.extend(handled.0.iter().map(|(partition, watermark)| (partition.clone(), *watermark)));
    }

    /// Whether the partition never left this member since the message was taken.
    pub fn owns<S: EventSource>(&self, position: &Position, source: &S) -> bool {
        let watermark = self.0.get(&(position.topic.clone(), position.partition));
        let since = watermark.and_then(|watermark| watermark.since);
        since.is_some() && source.owned_since(&position.topic, position.partition) == since
    }

    /// Forgets what Kafka confirmed and what is another member's by now, and asks for the rest.
    pub async fn commit<S: EventSource>(&mut self, source: &mut S) -> Result<(), LogError> {
        for confirmed in source.take_confirmed() {
            let key = (confirmed.topic, confirmed.partition);
            if self.0.get(&key).is_some_and(|watermark| watermark.next <= confirmed.offset) {
                self.0.remove(&key);
            }
        }
        self.0.retain(|(topic, partition), watermark| {
            watermark.since.is_some() && source.owned_since(topic, *partition) == watermark.since
        });
        if self.0.is_empty() {
            return Ok(());
        }
        let next: Vec<Position> = self
            .0
            .iter()
            .map(|((topic, partition), watermark)| Position {
                topic: topic.clone(),
                partition: *partition,
                offset: watermark.next,
            })
            .collect();
        source.commit(&next).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::delivery::Delivery;

    /// A source whose commits are confirmed when the test says so.
    #[derive(Default)]
    struct Memory {
        owned: HashMap<i32, u64>,
        asked: Vec<Vec<Position>>,
        confirmed: Vec<Position>,
    }

    impl EventSource for Memory {
        async fn poll(&mut self, _limit: usize) -> Result<Vec<Delivery>, LogError> {
            Ok(Vec::new())
        }

        async fn keep_alive(&mut self) -> Result<(), LogError> {
            Ok(())
        }

        fn owned_since(&self, _topic: &str, partition: i32) -> Option<u64> {
            self.owned.get(&partition).copied()
        }

        async fn commit(&mut self, next: &[Position]) -> Result<(), LogError> {
            self.asked.push(next.to_vec());
            Ok(())
        }

        fn take_confirmed(&mut self) -> Vec<Position> {
            std::mem::take(&mut self.confirmed)
        }
    }

    fn at(partition: i32, offset: i64) -> Position {
        Position { topic: Arc::from("t"), partition, offset }
    }

    fn handled(positions: &[Position], source: &Memory) -> Offsets {
        let mut offsets = Offsets::default();
        for position in positions {
            offsets.take(position, source.owned_since("t", position.partition));
        }
        offsets
    }

    #[tokio::test]
    async fn a_watermark_is_asked_for_until_it_is_confirmed() {
        let mut source = Memory { owned: HashMap::from([(0, 1)]), ..Memory::default() };
        let mut offsets = Offsets::default();
        offsets.extend(&handled(&[at(0, 3), at(0, 4)], &source));
        for _ in 0..3 {
            offsets.commit(&mut source).await.unwrap();
        }
        assert_eq!(source.asked, vec![vec![at(0, 5)]; 3]);

        source.confirmed = vec![at(0, 5)];
        offsets.commit(&mut source).await.unwrap();
        assert_eq!(source.asked.len(), 3, "what is confirmed is not asked for again");
    }

    #[tokio::test]
    async fn the_confirmation_of_an_older_commit_leaves_the_newer_watermark() {
        let mut source = Memory { owned: HashMap::from([(0, 1)]), ..Memory::default() };
        let mut offsets = handled(&[at(0, 4)], &source);
        source.confirmed = vec![at(0, 3)];
        offsets.commit(&mut source).await.unwrap();
        assert_eq!(source.asked, [[at(0, 5)]]);
    }

    #[tokio::test]
    async fn what_another_member_has_is_left_to_it_even_if_it_comes_back() {
        let mut source = Memory { owned: HashMap::from([(0, 1), (1, 1)]), ..Memory::default() };
        let mut offsets = handled(&[at(0, 4), at(1, 4)], &source);
        assert!(offsets.owns(&at(0, 4), &source) && !offsets.owns(&at(2, 0), &source));
        source.owned = HashMap::from([(0, 2)]);
        assert!(!offsets.owns(&at(0, 4), &source));
        offsets.commit(&mut source).await.unwrap();
        assert!(source.asked.is_empty());
    }

    #[tokio::test]
    async fn what_never_was_this_members_is_not_committed_for_it() {
        let mut source = Memory::default();
        let mut offsets = handled(&[at(0, 4)], &source);
        assert!(!offsets.owns(&at(0, 4), &source));
        offsets.commit(&mut source).await.unwrap();
        assert!(source.asked.is_empty());
    }
}

//! A member of the group between its topic and its database.

use std::collections::VecDeque;

use super::*;
use crate::{
    delivery::Position,
    input::Verdict::{self, Applied, Repeat},
    store::{Crashes, HeldStatus, Stage},
    testing::{World, now},
};

/// One partition of a topic.
#[derive(Default)]
struct Topic {
    offered: VecDeque<Vec<Delivery>>,
    owned_since: Option<u64>,
    asked: Vec<Position>,
    confirmed: Vec<Position>,
}

impl EventSource for Topic {
    async fn poll(&mut self, _limit: usize) -> Result<Vec<Delivery>, LogError> {
        Ok(self.offered.pop_front().unwrap_or_default())
    }

    async fn keep_alive(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn owned_since(&self, _topic: &str, _partition: i32) -> Option<u64> {
        self.owned_since
    }

    async fn commit(&mut self, next: &[Position]) -> Result<(), LogError> {
        self.asked.extend_from_slice(next);
        Ok(())
    }

    fn take_confirmed(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.confirmed)
    }
}

fn offering(world: &mut World, acts: &[&str]) -> Topic {
    let events = acts.iter().map(|act| world.event("a", &format!(r#"{{"act":"{act}"}}"#))).collect();
    Topic { offered: [events].into(), owned_since: Some(1), ..Topic::default() }
}

fn step(
    consumer: &mut Consumer<crate::testing::Toy>,
    world: &mut World,
    topic: &mut Topic,
) -> Result<Vec<Verdict<()>>, StepError> {
    match now(consumer.step(&world.door, topic, &mut world.ids, 100))? {
        Step::Idle => Ok(Vec::new()),
        Step::Handled { progress, .. } => Ok(progress.verdicts.into_iter().flatten().collect()),
    }
}

fn offsets(asked: &[Position]) -> Vec<i64> {
    asked.iter().map(|position| position.offset).collect()
}

#[test]
fn a_batch_is_handed_in_again_until_the_database_takes_it_and_offsets_follow() {
    let mut world = World::new();
    let (mut consumer, mut topic) = (Consumer::default(), offering(&mut world, &["one", "two"]));
    world.door.database.state().is_away = true;
    for _ in 0..3 {
        assert!(matches!(step(&mut consumer, &mut world, &mut topic), Err(StepError::Store(_))));
        assert!(consumer.has_pending() && topic.asked.is_empty());
    }
    world.door.database.state().is_away = false;
    assert_eq!(step(&mut consumer, &mut world, &mut topic), Ok(vec![Applied(None), Applied(None)]));
    assert_eq!(offsets(&topic.asked), [3]);
}

#[test]
fn offsets_are_asked_for_until_kafka_confirms_them() {
    let mut world = World::new();
    let (mut consumer, mut topic) = (Consumer::default(), offering(&mut world, &["one"]));
    for _ in 0..3 {
        step(&mut consumer, &mut world, &mut topic).unwrap();
    }
    assert_eq!(offsets(&topic.asked), [2, 2, 2]);
    topic.confirmed.push(topic.asked[0].clone());
    step(&mut consumer, &mut world, &mut topic).unwrap();
    assert_eq!(topic.asked.len(), 3);
}

#[test]
fn what_another_member_has_by_now_is_left_to_it() {
    let mut world = World::new();
    let (mut consumer, mut topic) = (Consumer::default(), offering(&mut world, &["one"]));
    let message = topic.offered[0][0].clone();
    consumer.be_careful(true);
    world.door.database.state().is_away = true;
    step(&mut consumer, &mut world, &mut topic).unwrap_err();
    topic.owned_since = None;
    world.door.database.state().is_away = false;
    assert_eq!(step(&mut consumer, &mut world, &mut topic), Ok(vec![]));
    assert_eq!((world.sum("a"), offsets(&topic.asked)), (0, vec![]));
    assert_eq!(world.arrive(&[message]), [Applied(None)], "the other member handles it");
}

#[test]
fn a_rewind_repeats_without_effect() {
    let mut world = World::new();
    let (mut consumer, mut topic) = (Consumer::default(), offering(&mut world, &["one"]));
    topic.offered.push_back(topic.offered[0].clone());
    assert_eq!(step(&mut consumer, &mut world, &mut topic), Ok(vec![Applied(None)]));
    assert_eq!(step(&mut consumer, &mut world, &mut topic), Ok(vec![Repeat]));
    assert_eq!((world.sum("a"), offsets(&topic.asked)), (1, vec![2, 2]));
}

#[test]
fn a_consumer_that_is_careful_sets_what_ended_the_process_aside_and_another_tries_it() {
    for (careful, expected) in [(true, Verdict::Held(HeldStatus::Parked)), (false, Applied(None))] {
        let mut world = World::new();
        let (mut consumer, mut topic) = (Consumer::default(), offering(&mut world, &["one"]));
        let at = topic.offered[0][0].position.clone();
        world.door.database.state().crashes.insert(at, Crashes { times: 4, stage: Stage::Decoded });
        consumer.be_careful(careful);
        assert_eq!(step(&mut consumer, &mut world, &mut topic), Ok(vec![expected]));
        assert!(!consumer.has_pending());
    }
}

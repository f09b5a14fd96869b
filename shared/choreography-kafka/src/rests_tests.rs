//! When a topic rests, by values.

use super::*;

const MAIN: &str = "payment-events";
const IGNORED_ONE: &str = "order-events";

struct World {
    rests: Rests,
    now: Instant,
    offset: i64,
}

impl World {
    fn new() -> Self {
        Self { rests: Rests::default(), now: Instant::now(), offset: 0 }
    }

    fn note(&mut self, topic: &str, partition: i32, is_handled: bool) {
        self.offset += 1;
        let position = Position { topic: topic.into(), partition, offset: self.offset };
        self.rests.note(&position, is_handled, self.now);
    }

    /// Lets a second pass in which so many messages come, one after the other, all but `handled` ignored.
    fn second(&mut self, topic: &str, all: u32, handled: u32) {
        let began = self.now;
        for n in 0..all {
            self.now = began + WINDOW * n / all;
            self.note(topic, 3, n < handled);
        }
        self.now = began + WINDOW;
    }

    /// As many messages of the topic that is handled, at one moment.
    fn main(&mut self, all: u32) {
        (0..all).for_each(|_| self.note(MAIN, 0, true));
    }

    /// Two seconds of one topic beside another that is handled.
    fn seconds(&mut self, all: u32, handled: u32) {
        for _ in 0..2 {
            self.main(BUSY);
            self.second(IGNORED_ONE, all, handled);
        }
        self.main(1);
        self.note(IGNORED_ONE, 3, false);
    }

    fn due(&mut self) -> Option<String> {
        self.rests.due(self.now).map(|(topic, _)| topic.to_string())
    }
}

fn paused(topic: &str) -> Paused {
    vec![((topic.to_owned(), 3), 7)]
}

#[test]
fn a_topic_of_which_nothing_is_handled_rests_while_another_is_read() {
    let mut world = World::new();
    world.seconds(20, 0);
    assert_eq!(world.due().as_deref(), Some(IGNORED_ONE));
    world.rests.began(&IGNORED_ONE.into(), paused(IGNORED_ONE), world.now);
    assert_eq!((world.due(), world.rests.next_end()), (None, Some(world.now + REST)));
    assert_eq!(world.rests.over(world.now + REST - Duration::from_millis(1)), None);
    assert_eq!(world.rests.over(world.now + REST), Some((IGNORED_ONE.into(), paused(IGNORED_ONE))));
    assert_eq!((world.rests.over(world.now + REST), world.rests.next_end()), (None, None));
}

#[test]
fn it_rests_again_only_when_something_came() {
    let mut world = World::new();
    world.seconds(50, 0);
    assert!(world.due().is_some());
    assert_eq!(world.due(), None, "nothing came since");
    world.note(IGNORED_ONE, 3, false);
    assert!(world.due().is_some());
}

#[test]
fn a_topic_with_few_messages_or_with_some_that_are_handled_is_read_as_they_come() {
    for (all, handled, rests) in [(19, 0, false), (20, 1, false), (40, 2, false), (100, 1, true), (100, 4, false)] {
        let mut world = World::new();
        world.seconds(all, handled);
        assert_eq!(world.due().is_some(), rests, "{all} a second, {handled} of them handled");
    }
}

#[test]
fn a_handled_message_ends_the_rests_for_as_long_as_it_is_counted() {
    let mut world = World::new();
    world.seconds(30, 0);
    world.note(IGNORED_ONE, 3, true);
    world.note(IGNORED_ONE, 3, true);
    assert_eq!(world.due(), None);
    world.seconds(30, 0);
    assert!(world.due().is_some());
}

#[test]
fn the_last_topic_of_which_something_comes_never_rests() {
    let mut world = World::new();
    world.seconds(50, 0);
    world.second(IGNORED_ONE, 50, 0);
    world.second(IGNORED_ONE, 50, 0);
    world.note(IGNORED_ONE, 3, false);
    assert_eq!(world.due(), None, "nothing came of the other for two seconds");
    for _ in 0..2 {
        world.main(BUSY);
        world.second(IGNORED_ONE, 50, 0);
    }
    world.main(1);
    world.note(IGNORED_ONE, 3, false);
    assert!(world.due().is_some());
}

#[test]
fn what_came_long_ago_does_not_count() {
    let mut world = World::new();
    world.seconds(50, 0);
    world.now += 3 * WINDOW;
    world.main(BUSY);
    world.note(IGNORED_ONE, 3, false);
    assert_eq!(world.due(), None);
}

#[test]
fn nothing_is_resumed_that_was_paused_or_resumed_for_another_reason() {
    let mut world = World::new();
    world.seconds(50, 0);
    world.rests.began(&IGNORED_ONE.into(), paused(IGNORED_ONE), world.now);
    world.rests.forget();
    assert_eq!((world.rests.over(world.now + REST), world.rests.next_end()), (None, None));
}

#[test]
fn partitions_of_which_something_came_within_a_second_rest_from_their_next_offset_on() {
    let mut world = World::new();
    world.note(IGNORED_ONE, 5, false);
    world.seconds(50, 0);
    world.note(IGNORED_ONE, 4, false);
    let (topic, mut next) = world.rests.due(world.now).expect("it is to rest");
    next.sort_by_key(|at| at.partition);
    let at = |partition, offset| Position { topic: topic.clone(), partition, offset };
    assert_eq!(next, [at(3, world.offset), at(4, world.offset + 1)], "of partition 5 nothing came for two seconds");
}

//! The switch in small: keys, partitions, relays and members at random, with crashes; and with faults that must be found.

use std::collections::{BTreeMap, BTreeSet};

use super::{Standing, Switch};

const KEYS: usize = 5;
const EVENTS: usize = 12;
const OLD: usize = 2;
const NEW: usize = 3;

/// What is done wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The switch offsets are taken while a relay still publishes on the old topic alone.
    EarlySwitch,
    /// A reader goes on once one old partition is finished.
    OnePartition,
    /// A row counts as published once the old topic has it.
    OldIsEnough,
    /// Repeats are handled again.
    NoInbox,
}

/// An event: its key, and its number within it.
type Event = (usize, usize);

/// xorshift: the same run for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// A topic's partitions, and how far a group has committed each.
struct Topic {
    partitions: Vec<Vec<Event>>,
    committed: Vec<usize>,
}

impl Topic {
    fn new(partitions: usize) -> Self {
        Self { partitions: vec![Vec::new(); partitions], committed: vec![0; partitions] }
    }

    fn append(&mut self, event: Event) {
        let partition = event.0 % self.partitions.len();
        self.partitions[partition].push(event);
    }

    fn ends(&self) -> Vec<i64> {
        self.partitions.iter().map(|events| i64::try_from(events.len()).unwrap()).collect()
    }
}

struct World {
    chance: Chance,
    fault: Fault,
    topics: [Topic; 2],
    /// Of each key, how many events are marked as published.
    marked: [usize; KEYS],
    /// Keys whose relay publishes on both topics.
    both: BTreeSet<usize>,
    switch: Option<Switch>,
    /// Of each member: whether it reads the new topic, and where it is in each partition that it reads.
    members: [Member; 2],
    inbox: BTreeSet<Event>,
    handled: BTreeMap<usize, Vec<usize>>,
}

#[derive(Default)]
struct Member {
    switched: bool,
    at: BTreeMap<usize, usize>,
}

impl World {
    fn new(seed: u64, fault: Fault) -> Self {
        Self {
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            fault,
            topics: [Topic::new(OLD), Topic::new(NEW)],
            marked: [0; KEYS],
            both: BTreeSet::new(),
            switch: None,
            members: Default::default(),
            inbox: BTreeSet::new(),
            handled: BTreeMap::new(),
        }
    }

    /// A relay publishes a key's next event. A crash before the mark brings it again.
    fn publish(&mut self) {
        let key = self.chance.below(KEYS);
        let event = (key, self.marked[key]);
        if event.1 == EVENTS {
            return;
        }
        self.topics[0].append(event);
        if self.both.contains(&key) {
            match self.chance.below(5) {
                0 if self.fault == Fault::OldIsEnough => {}
                0 => return,
                _ => self.topics[1].append(event),
            }
        }
        if self.chance.below(5) > 0 {
            self.marked[key] += 1;
        }
    }

    /// One more relay publishes on both; once all do, the ends of the old partitions are the switch offsets.
    fn advance(&mut self) {
        let (key, early) = (self.both.len(), self.fault == Fault::EarlySwitch);
        if key < KEYS && (!early || self.switch.is_some() || key < KEYS - 1) {
            self.both.insert(key);
        } else if self.switch.is_none() {
            self.switch = Some(Switch { from: "old".into(), to: "new".into(), offsets: self.topics[0].ends() });
        }
    }

    /// A member looks whether it may go on with the new topic.
    fn look(&mut self, member: usize) {
        let Some(mut switch) = self.switch.clone() else { return };
        let committed = self.topics[0].committed.iter();
        let mut standings: Vec<Standing> =
            committed.map(|at| Standing { committed: Some(i64::try_from(*at).unwrap()), first: 0 }).collect();
        if self.fault == Fault::OnePartition {
            standings.truncate(1);
            switch.offsets.truncate(1);
        }
        if switch.is_due(&standings) && !self.members[member].switched {
            self.members[member] = Member { switched: true, ..Member::default() };
        }
    }

    /// A member handles what comes next in one of its partitions, and may commit. Any of them may be its own: a rebalance can
    /// come at any time.
    fn handle(&mut self, member: usize) {
        let Self { chance, topics, members, .. } = self;
        let Member { switched, at } = &mut members[member];
        let topic = &mut topics[usize::from(*switched)];
        let partition = chance.below(topic.partitions.len());
        let at = at.entry(partition).or_insert(topic.committed[partition]);
        let Some(event) = topic.partitions[partition].get(*at).copied() else {
            topic.committed[partition] = topic.committed[partition].max(*at);
            return;
        };
        *at += 1;
        if chance.below(3) > 0 {
            topic.committed[partition] = topic.committed[partition].max(*at);
        }
        if self.inbox.insert(event) || self.fault == Fault::NoInbox {
            self.handled.entry(event.0).or_default().push(event.1);
        }
    }

    fn crash(&mut self, member: usize) {
        self.members[member] = Member::default();
    }

    /// What went wrong, if anything did.
    fn run(mut self) -> Result<(), String> {
        for _ in 0..600 {
            let member = self.chance.below(2);
            match self.chance.below(100) {
                0..40 => self.publish(),
                40..43 => self.advance(),
                43..46 => self.crash(member),
                46..56 => self.look(member),
                _ => self.handle(member),
            }
        }
        self.both = (0..KEYS).collect();
        self.advance();
        while self.marked.iter().any(|published| *published < EVENTS) {
            self.publish();
        }
        for _ in 0..2_000 {
            let member = self.chance.below(2);
            self.look(member);
            self.handle(member);
        }
        if self.members.iter().any(|member| !member.switched) {
            return Err("a member has not switched".into());
        }
        let all: Vec<usize> = (0..EVENTS).collect();
        let wrong = (0..KEYS).find(|key| self.handled.get(key) != Some(&all));
        wrong.map_or(Ok(()), |key| Err(format!("key {key}: {:?}", self.handled.get(&key))))
    }
}

#[test]
fn every_key_is_handled_once_and_in_order_whatever_happens_when() {
    for seed in 1..500 {
        World::new(seed, Fault::None).run().unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
}

#[test]
fn each_planted_fault_is_found() {
    for fault in [Fault::EarlySwitch, Fault::OnePartition, Fault::OldIsEnough, Fault::NoInbox] {
        let found = (1..500).any(|seed| World::new(seed, fault).run().is_err());
        assert!(found, "{fault:?}");
    }
}

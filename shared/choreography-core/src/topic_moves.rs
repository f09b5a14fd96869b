//! Topics that move: another takes a topic's place, with more partitions, or with events that older readers can't read.
//!
//! While a topic moves, its owner publishes each event on both, under one id. Why nothing is lost, handled twice or out of order:
//! - Both topics have the events of a key in the order of their commits: one relay sends both records, and its row counts as published
//!   only when Kafka has both.
//! - A *switch offset* was the end of an old partition at a time when every relay of the owner published on both. Whatever comes
//!   to stand behind it is on the new topic as well.
//! - A reader handles every old partition up to its switch offset, and then the new topic from its beginning. So of each key it has
//!   had the first events when it begins with the new topic, and finds the others there, in order; the inbox skips those that it had.
//!
//! What is read of the old topic behind the switch offsets does no harm: it comes again, in the same order. So replicas need not switch at
//! the same moment, and a reader may go back as long as both topics are written.

mod publication;

use std::{fmt, str::FromStr};

pub use publication::Publication;

/// A topic that another takes the place of, and how far it is. Written as `both:OLD:NEW`, `switch:OLD:NEW:7/0/12` or `moved:OLD:NEW`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMove {
    /// The old topic.
    pub from: String,
    /// The new one.
    pub to: String,
    /// What this service does about it.
    pub stage: Stage,
}

/// How far a topic's move is, for one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The owner publishes on both topics.
    Both,
    /// A reader finishes the old partitions up to these offsets, one for each, and goes on with the new topic.
    Switch(Vec<i64>),
    /// The old topic is closed: only the new one is written and read.
    Moved,
}

/// What a reader does about a topic that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The old topic.
    pub from: String,
    /// The new one.
    pub to: String,
    /// The switch offset of each old partition.
    pub offsets: Vec<i64>,
}

/// How far a group has come in an old partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The offset that the group has committed, if it has one.
    pub committed: Option<i64>,
    /// The first offset that the partition still has: where a group without an offset begins.
    pub first: i64,
}

/// Why a move is not understood, or does not fit the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicMoveError {
    /// It is none of the three forms.
    #[error(
        "{0:?} is no move of a topic: write both:OLD:NEW, switch:OLD:NEW:OFFSETS (one offset for each old partition, as 7/0/12) \
         or moved:OLD:NEW"
    )]
    Form(String),
    /// Two moves contradict each other.
    #[error("{0} and {1} contradict each other: {2}")]
    Contradiction(String, String, &'static str),
}

/// All moves that a service knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicMoves(Vec<TopicMove>);

impl Switch {
    /// Whether a group that stands so may go on with the new topic: it has handled every old partition up to its switch offset.
    /// What a group has committed was handled, or is kept in the database in its key's order.
    pub fn is_due(&self, standings: &[Standing]) -> bool {
        let reached = |(offset, at): (&i64, &Standing)| at.committed.unwrap_or(at.first) >= *offset;
        standings.len() == self.offsets.len() && self.offsets.iter().zip(standings).all(reached)
    }
}

impl TopicMoves {
    /// # Errors
    /// Two of them contradict each other.
    pub fn of(moves: Vec<TopicMove>) -> Result<Self, TopicMoveError> {
        for (index, one) in moves.iter().enumerate() {
            for other in &moves[index + 1..] {
                if let Some(why) = contradiction(one, other).or_else(|| contradiction(other, one)) {
                    return Err(TopicMoveError::Contradiction(one.to_string(), other.to_string(), why));
                }
            }
        }
        Ok(Self(moves))
    }

    /// What a topic of the contracts is called on the broker.
    pub fn current<'a>(&'a self, topic: &'a str) -> &'a str {
        let moved = self.0.iter().find(|each| each.from == topic && each.stage == Stage::Moved);
        moved.map_or(topic, |each| &each.to)
    }

    /// Where an event goes whose topic in the contracts this is.
    pub fn destinations<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a str> {
        let current = self.current(topic);
        let both = self.0.iter().find(|each| each.from == current && each.stage == Stage::Both);
        std::iter::once(current).chain(both.map(|each| each.to.as_str()))
    }

    /// What a reader of this topic of the contracts does about its move, if it moves.
    pub fn switch(&self, topic: &str) -> Option<Switch> {
        let current = self.current(topic);
        self.0.iter().filter(|each| each.from == current).find_map(|each| match &each.stage {
            Stage::Switch(offsets) => {
                Some(Switch { from: each.from.clone(), to: each.to.clone(), offsets: offsets.clone() })
            }
            Stage::Both | Stage::Moved => None,
        })
    }

    /// Where a reader of this topic of the contracts may find its events.
    pub fn sources<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a str> {
        let current = self.current(topic);
        let switch = |each: &&TopicMove| each.from == current && matches!(each.stage, Stage::Switch(_));
        std::iter::once(current).chain(self.0.iter().find(switch).map(|each| each.to.as_str()))
    }

    /// Every topic of the broker that this one of the contracts may be written to or read from by any service.
    pub fn names<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a str> {
        let current = self.current(topic);
        std::iter::once(current).chain(self.0.iter().find(|each| each.from == current).map(|each| each.to.as_str()))
    }

    /// What the contracts call a topic of the broker.
    pub fn contract_topic<'a>(&'a self, topic: &'a str) -> &'a str {
        let before = |topic: &str| self.0.iter().find(|each| each.to == topic).map(|each| each.from.as_str());
        // A topic that has moved may be on its way again.
        let first = before(topic);
        first.map_or(topic, |first| before(first).unwrap_or(first))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &TopicMove> {
        self.0.iter()
    }
}

/// Why `one` does not go together with `other`, if it does not.
fn contradiction(one: &TopicMove, other: &TopicMove) -> Option<&'static str> {
    let is_moved = |each: &TopicMove| each.stage == Stage::Moved;
    if one.from == other.from {
        if one.to != other.to {
            return Some("a topic moves to one other");
        }
        let same = std::mem::discriminant(&one.stage) == std::mem::discriminant(&other.stage);
        return (same || is_moved(one)).then_some("a topic that has moved is neither written nor read any more");
    }
    if one.to == other.to {
        return Some("two topics can't become one");
    }
    (one.to == other.from && (!is_moved(one) || is_moved(other)))
        .then_some("write where the topic is to be found in the end")
}

impl FromStr for TopicMove {
    type Err = TopicMoveError;

    fn from_str(text: &str) -> Result<Self, TopicMoveError> {
        let form = || TopicMoveError::Form(text.to_owned());
        let parts: Vec<&str> = text.trim().split(':').collect();
        let (from, to, stage) = match parts[..] {
            ["both", from, to] => (from, to, Stage::Both),
            ["moved", from, to] => (from, to, Stage::Moved),
            ["switch", from, to, offsets] => {
                let offset = |text: &str| text.parse().ok().filter(|offset| *offset >= 0_i64).ok_or_else(form);
                (from, to, Stage::Switch(offsets.split('/').map(offset).collect::<Result<_, _>>()?))
            }
            _ => return Err(form()),
        };
        if from.is_empty() || to.is_empty() || from == to {
            return Err(form());
        }
        Ok(Self { from: from.to_owned(), to: to.to_owned(), stage })
    }
}

impl FromStr for TopicMoves {
    type Err = TopicMoveError;

    /// Moves with commas between them.
    fn from_str(text: &str) -> Result<Self, TopicMoveError> {
        let moves = text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::parse);
        Self::of(moves.collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for TopicMove {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, stage } = self;
        match stage {
            Stage::Both => write!(formatter, "both:{from}:{to}"),
            Stage::Moved => write!(formatter, "moved:{from}:{to}"),
            Stage::Switch(offsets) => {
                let offsets: Vec<String> = offsets.iter().map(i64::to_string).collect();
                write!(formatter, "switch:{from}:{to}:{}", offsets.join("/"))
            }
        }
    }
}

#[cfg(test)]
mod model_tests;

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(texts: &[&str]) -> Result<TopicMoves, TopicMoveError> {
        texts.join(", ").parse()
    }

    fn written(moves: &TopicMoves) -> Vec<&str> {
        moves.destinations("orders").collect()
    }

    #[test]
    fn a_move_reads_back_as_it_is_written() {
        for text in ["both:orders:orders.v2", "switch:orders:orders.v2:7/0/12", "moved:orders:orders.v2"] {
            assert_eq!(text.parse::<TopicMove>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_move_is_refused_with_the_three_forms() {
        for wrong in ["", "orders", "both:orders", "both:orders:orders", "both::x", "switch:a:b", "switch:a:b:1/-2/x"] {
            let said = wrong.parse::<TopicMove>().unwrap_err().to_string();
            assert!(said.contains("both:OLD:NEW"), "{wrong}: {said}");
        }
    }

    #[test]
    fn an_owner_writes_the_old_topic_then_both_then_the_new_one() {
        assert_eq!(written(&moves(&[]).unwrap()), ["orders"]);
        assert_eq!(written(&moves(&["both:orders:orders.v2"]).unwrap()), ["orders", "orders.v2"]);
        assert_eq!(written(&moves(&["moved:orders:orders.v2"]).unwrap()), ["orders.v2"]);
        assert_eq!(written(&moves(&["switch:orders:orders.v2:0"]).unwrap()), ["orders"], "that is for readers");
    }

    #[test]
    fn a_reader_switches_from_where_the_topic_is_now() {
        let twice = moves(&["moved:orders:orders.v2", "switch:orders.v2:orders.v3:4/5"]).unwrap();
        let switch = twice.switch("orders").unwrap();
        assert_eq!((switch.from.as_str(), switch.to.as_str(), switch.offsets), ("orders.v2", "orders.v3", vec![4, 5]));
        assert_eq!(twice.sources("orders").collect::<Vec<_>>(), ["orders.v2", "orders.v3"]);
        assert_eq!(twice.names("orders").collect::<Vec<_>>(), ["orders.v2", "orders.v3"]);
        assert_eq!(moves(&["both:orders:orders.v2"]).unwrap().switch("orders"), None, "that is for the owner");
    }

    #[test]
    fn the_contracts_name_of_a_topic_is_found_from_each_of_its_names() {
        let twice = moves(&["moved:orders:orders.v2", "both:orders.v2:orders.v3"]).unwrap();
        for name in ["orders", "orders.v2", "orders.v3"] {
            assert_eq!(twice.contract_topic(name), "orders");
        }
        assert_eq!(twice.contract_topic("payments"), "payments");
        assert_eq!(written(&twice), ["orders.v2", "orders.v3"]);
    }

    #[test]
    fn an_owner_may_be_a_reader_of_its_topic_too() {
        let own = moves(&["both:orders:orders.v2", "switch:orders:orders.v2:3"]).unwrap();
        assert_eq!((written(&own), own.switch("orders").unwrap().offsets), (vec!["orders", "orders.v2"], vec![3]));
    }

    #[test]
    fn moves_that_contradict_each_other_are_refused() {
        for wrong in [
            ["both:a:b", "both:a:b"],
            ["switch:a:b:1", "switch:a:b:2"],
            ["moved:a:b", "both:a:b"],
            ["both:a:b", "both:a:c"],
            ["both:a:c", "both:b:c"],
            ["moved:a:b", "moved:b:c"],
            ["both:a:b", "both:b:c"],
            ["moved:a:b", "both:b:a"],
        ] {
            assert!(moves(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_reader_goes_on_once_every_old_partition_is_finished() {
        let switch = Switch { from: "a".into(), to: "b".into(), offsets: vec![5, 0, 7] };
        let at = |committed, first| Standing { committed, first };
        let none = at(None, 0);
        assert!(switch.is_due(&[at(Some(5), 0), none, at(Some(9), 2)]));
        assert!(!switch.is_due(&[at(Some(5), 0), none, at(Some(6), 2)]), "one event is missing");
        assert!(!switch.is_due(&[none, none, at(Some(7), 0)]), "a group without an offset has handled nothing");
        assert!(switch.is_due(&[at(None, 5), none, at(Some(7), 0)]), "what was there before is gone for everybody");
        assert!(!switch.is_due(&[at(Some(5), 0), at(Some(7), 0)]), "a partition is not known");
    }
}

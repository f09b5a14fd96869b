//! How often each thing was seen, and where first. Names come from outside, so no more than a number of them are kept.

use std::collections::{BTreeMap, btree_map::Entry};

/// So many different things of a kind are kept. A choreography has some dozens.
pub(super) const MOST: usize = 10_000;

/// How often something was seen, and where first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub times: u64,
    pub first: String,
}

/// Counts of things.
#[derive(Clone, Debug)]
pub(super) struct Tally<K> {
    seen: BTreeMap<K, Seen>,
    /// How often something was seen that was one too many to keep.
    left_out: u64,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { seen: BTreeMap::new(), left_out: 0 }
    }
}

impl<K: Ord> Tally<K> {
    /// One more of it.
    pub fn count(&mut self, of: K, place: &str) {
        let full = self.seen.len() >= MOST;
        match self.seen.entry(of) {
            Entry::Occupied(mut known) => known.get_mut().times += 1,
            Entry::Vacant(_) if full => self.left_out += 1,
            Entry::Vacant(new) => {
                new.insert(Seen { times: 1, first: place.to_owned() });
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &Seen)> {
        self.seen.iter()
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.seen.keys()
    }

    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.times {
            1 => write!(formatter, "seen once, {}", self.first),
            times => write!(formatter, "seen {times} times, first {}", self.first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_with_their_first_place_and_no_more_than_can_be_kept() {
        let mut tally = Tally::default();
        for (thing, place) in [("a", "at 1"), ("b", "at 2"), ("a", "at 3")] {
            tally.count(thing.to_owned(), place);
        }
        let told: Vec<String> = tally.iter().map(|(thing, seen)| format!("{thing} {seen}")).collect();
        assert_eq!(told, ["a seen 2 times, first at 1", "b seen once, at 2"]);
        for number in 0..MOST {
            tally.count(number.to_string(), "somewhere");
        }
        assert_eq!((tally.keys().count(), tally.left_out()), (MOST, 2));
        tally.count("a".to_owned(), "at 4");
        assert_eq!(tally.left_out(), 2, "what is known is still counted");
    }
}

//! The switch offsets of a topic that moves: where its partitions end while its owner publishes on both topics.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use choreography::{Stage, TopicMove, testing::RANGES};
use choreography_core::outbox::share_of;
use choreography_kafka::Connection;

use super::{
    blocking,
    tail::{Seen, Tail},
};
use crate::{ProvisionError, Result};

/// Of each old partition so many of the last events are looked at.
const LAST: i64 = 1_000;
/// The owner sends an event to the new topic right after the old one.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(5);

/// Takes the ends of the old partitions for switch offsets: whatever comes to stand behind them is on the new topic too, if every
/// relay of the owner publishes on both by now. Relays share the keys in ranges, so with `checked` the last event of each range
/// must be on both.
///
/// # Errors
/// [`ProvisionError::Unpaired`] names the event that is not; [`ProvisionError::Broker`] when the topics can't be read.
pub async fn switch_offsets(kafka: &Connection, old: &str, new: &str, checked: bool) -> Result<TopicMove> {
    let (connection, from, to) = (kafka.clone(), old.to_owned(), new.to_owned());
    blocking(kafka, move || {
        let mut old = Tail::of(&connection, &from)?;
        let mut new = Tail::of(&connection, &to)?;
        let offsets = old.ends().to_vec();
        if checked {
            let last = last_of_each_range(old.read_from(|first, end| first.max(end - LAST))?);
            let wanted: BTreeSet<String> = last.values().map(|seen| seen.id.clone()).collect();
            let found = new.find(&wanted, FOLLOWS_WITHIN)?;
            if let Some(unpaired) = unpaired(&last, &found) {
                return Err(ProvisionError::Unpaired { old: from, new: to, unpaired });
            }
        }
        Ok(TopicMove { from, to, stage: Stage::Switch(offsets) })
    })
    .await
}

/// By key range.
fn last_of_each_range(seen: Vec<Seen>) -> BTreeMap<i32, Seen> {
    let mut last: BTreeMap<i32, Seen> = BTreeMap::new();
    for seen in seen {
        let range = share_of(seen.key.as_deref(), RANGES);
        if last.get(&range).is_none_or(|before| before.at <= seen.at) {
            last.insert(range, seen);
        }
    }
    last
}

fn unpaired(last: &BTreeMap<i32, Seen>, found: &BTreeSet<String>) -> Option<String> {
    if last.is_empty() {
        return Some("the old topic has none".into());
    }
    let (range, Seen { id, partition, offset, .. }) = last.iter().find(|(_, seen)| !found.contains(&seen.id))?;
    Some(format!(
        "the event {id}, at offset {offset} of partition {partition}, is the last of the key range {range} on the old topic, and \
         is not on the new one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(key: &str, id: &str, at: i64) -> Seen {
        Seen { key: Some(key.as_bytes().to_vec()), id: id.into(), partition: 3, offset: 7, at }
    }

    #[test]
    fn the_last_event_of_every_key_range_has_to_be_on_both_topics() {
        let other = (0..).map(|n: u32| n.to_string());
        let other =
            other.into_iter().find(|key| share_of(Some(key.as_bytes()), RANGES) != share_of(Some(b"a"), RANGES));
        let other = other.expect("there are more ranges");
        let last = last_of_each_range(vec![seen("a", "old", 1), seen("a", "new", 2), seen(&other, "b", 1)]);
        let ids: Vec<&str> = last.values().map(|seen| seen.id.as_str()).collect();
        assert!(ids.len() == 2 && ids.contains(&"new") && ids.contains(&"b"), "{ids:?}");
        let found = |ids: &[&str]| unpaired(&last, &ids.iter().map(ToString::to_string).collect());
        assert_eq!(found(&["new", "b"]), None);
        assert!(found(&["b"]).expect("one is missing").starts_with("the event new, at offset 7 of partition 3"));
    }

    #[test]
    fn where_there_is_nothing_to_compare_it_has_to_be_said_that_nothing_is_published() {
        assert!(unpaired(&BTreeMap::new(), &BTreeSet::new()).is_some());
    }
}

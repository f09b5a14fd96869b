//! What follows from the reports of one batch: which rows to mark, whose key stops, what waits.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Refused;
use crate::{broker::PublishError, outbox::OutboxRow};

/// What is remembered of a row while its payload is under way.
#[derive(Debug)]
pub(super) struct Sent {
    number: i64,
    range: i32,
    topic: String,
    key: Option<Vec<u8>>,
    nth: Option<i64>,
}

impl Sent {
    pub fn of(row: &OutboxRow) -> Self {
        let (topic, key) = (row.message.topic.clone(), row.message.key.clone());
        Self { number: row.number, range: row.range, topic, key, nth: row.message.nth }
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Ranges and numbers to mark. What was acknowledged behind a failed row of its key is not: it is sent again, after it.
    pub acknowledged: Vec<(i32, i64)>,
    /// The events among those, by their aggregates and their numbers in them.
    pub events: Vec<(Vec<u8>, i64)>,
    pub refused: Vec<Refused>,
    pub succeeded_ranges: BTreeSet<i32>,
    /// Ranges that wait. A range that failed only beside a culprit goes on at once, without it.
    pub failed_ranges: BTreeSet<i32>,
    pub succeeded_topics: BTreeSet<String>,
    /// Topics that wait, and why.
    pub failed_topics: BTreeMap<String, String>,
    /// The first failure.
    pub error: Option<PublishError>,
}

impl Outcome {
    pub fn of(sent: Vec<Sent>, results: Vec<Result<(), PublishError>>) -> Self {
        let mut outcome = Self::default();
        let mut failed_keys: HashSet<(String, Vec<u8>)> = HashSet::new();
        let mut transient = BTreeSet::new();
        for (row, result) in sent.into_iter().zip(results) {
            let key = row.key.map(|key| (row.topic.clone(), key));
            let behind_a_failure = key.as_ref().is_some_and(|key| failed_keys.contains(key));
            let Err(error) = result else {
                if !behind_a_failure {
                    outcome.acknowledged.push((row.range, row.number));
                    outcome.events.extend(key.map(|(_, key)| key).zip(row.nth));
                    outcome.succeeded_ranges.insert(row.range);
                    outcome.succeeded_topics.insert(row.topic);
                }
                continue;
            };
            match &error {
                PublishError::Refused(why) if !behind_a_failure => {
                    outcome.refused.push(Refused { range: row.range, number: row.number, error: why.clone() });
                }
                PublishError::Refused(_) => {}
                PublishError::Topic(why) => {
                    outcome.failed_topics.entry(row.topic).or_insert_with(|| why.clone());
                }
                PublishError::Transient(_) => {
                    transient.insert(row.range);
                }
            }
            outcome.error.get_or_insert(error);
            failed_keys.extend(key);
        }
        if outcome.refused.is_empty() && outcome.failed_topics.is_empty() {
            outcome.failed_ranges = transient;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: i64, range: i32, topic: &str, key: &str) -> Sent {
        let key = Some(key.as_bytes().to_vec()).filter(|key| !key.is_empty());
        Sent { number, range, topic: topic.into(), key, nth: None }
    }

    fn transient<T>() -> Result<T, PublishError> {
        Err(PublishError::Transient("away".into()))
    }

    fn refused<T>() -> Result<T, PublishError> {
        Err(PublishError::Refused("too large".into()))
    }

    #[test]
    fn a_failed_delivery_holds_back_its_key_and_makes_its_range_wait() {
        let rows = vec![sent(1, 0, "t", "a"), sent(2, 1, "t", "b"), sent(3, 0, "t", "a"), sent(4, 1, "t", "b")];
        let outcome = Outcome::of(rows, vec![Ok(()), transient(), Ok(()), Ok(())]);
        assert_eq!(outcome.acknowledged, [(0, 1), (0, 3)]);
        assert_eq!(outcome.failed_ranges.into_iter().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_refused_row_stops_its_key_once_and_nothing_else_waits_for_it() {
        let rows = vec![sent(1, 0, "t", "a"), sent(2, 0, "t", "a"), sent(3, 0, "t", "b")];
        let outcome = Outcome::of(rows, vec![refused(), refused(), transient()]);
        assert_eq!(outcome.refused.iter().map(|row| row.number).collect::<Vec<_>>(), [1]);
        assert!(outcome.failed_ranges.is_empty(), "what failed beside a culprit goes on at once");
    }

    #[test]
    fn a_row_refused_behind_a_failure_of_its_key_is_not_its_first() {
        let rows = vec![sent(1, 0, "t", "a"), sent(2, 0, "t", "a")];
        assert!(Outcome::of(rows, vec![transient(), refused()]).refused.is_empty());
    }

    #[test]
    fn messages_without_a_key_have_no_order() {
        let outcome = Outcome::of(vec![sent(1, 0, "t", ""), sent(2, 0, "t", "")], vec![refused(), Ok(())]);
        assert_eq!((outcome.refused.len(), outcome.acknowledged), (1, vec![(0, 2)]));
    }

    #[test]
    fn a_topic_that_is_away_waits_and_other_topics_of_the_key_do_not() {
        let rows = vec![sent(1, 0, "away", "a"), sent(2, 0, "t", "a")];
        let outcome = Outcome::of(rows, vec![Err(PublishError::Topic("unknown".into())), Ok(())]);
        assert_eq!(outcome.failed_topics.into_keys().collect::<Vec<_>>(), ["away"]);
        assert_eq!((outcome.acknowledged, outcome.failed_ranges.len()), (vec![(0, 2)], 0));
    }
}

//! Rows that came past the table, and which of them may be sent without reading it: those of which this relay knows for certain
//! that Kafka has the aggregate's previous event.
//!
//! Numbers of the outbox have gaps that no reader sees: another replica may have committed an earlier event of the same aggregate, and
//! this process knows nothing of it. So each event carries its aggregate's own number, counted without gaps under the
//! aggregate's lock. The first event of an aggregate has none before it; the nth goes once the one before it was acknowledged here.
//! What this relay can't know is left to the table, whose reads begin behind the first row that is not done with.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::outbox::OutboxRow;

/// Of so many aggregates the last acknowledged event is remembered; of others the table is read.
const REMEMBERED: usize = 50_000;
/// Bytes of their keys at most.
const REMEMBERED_BYTES: usize = 8 << 20;

/// Rows that wait, and what is known of their aggregates.
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// By number, so those of an aggregate are in their order.
    waiting: BTreeMap<i64, OutboxRow>,
    acknowledged: HashMap<Vec<u8>, i64>,
    /// The aggregates above, oldest first.
    remembered: VecDeque<Vec<u8>>,
    remembered_bytes: usize,
}

/// The rows that are chosen among those that wait. Only rows for which there was no room still wait.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub rows: Vec<OutboxRow>,
    /// Some have to be read from the table.
    pub look: bool,
}

impl Fed {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The table is read, which has them all.
    pub fn leave_to_the_table(&mut self) {
        self.waiting.clear();
    }

    pub fn add(&mut self, rows: Vec<OutboxRow>) {
        self.waiting.extend(rows.into_iter().map(|row| (row.number, row)));
    }

    /// Takes what may be sent, in number order, and forgets what may not; at most so many rows and bytes, but one row in any case.
    /// `is_open`: it is this relay's to send, and not sent yet.
    pub fn choose(&mut self, most: usize, bytes: usize, is_open: impl Fn(&OutboxRow) -> bool) -> Chosen {
        let (mut chosen, mut size) = (Chosen::default(), 0);
        let mut sent: HashMap<Vec<u8>, i64> = HashMap::new();
        while let Some(row) = self.waiting.first_entry() {
            if !is_open(row.get()) {
                row.remove();
                continue;
            }
            let (message, number) = (&row.get().message, row.get().message.nth);
            if !chosen.rows.is_empty() && (chosen.rows.len() == most || size + message.size() > bytes) {
                break;
            }
            let (Some(key), Some(nth)) = (&message.key, number) else {
                row.remove();
                chosen.look = true;
                continue;
            };
            let before = sent.get(key).or_else(|| self.acknowledged.get(key)).copied().unwrap_or_default();
            if before + 1 != nth {
                // Behind an unknown event all of the aggregate waits, since none has the next number.
                row.remove();
                chosen.look = true;
                continue;
            }
            size += message.size();
            sent.insert(key.clone(), nth);
            chosen.rows.push(row.remove());
        }
        chosen
    }

    /// Kafka has this event of an aggregate, and so all before it.
    pub fn acknowledge(&mut self, key: &[u8], nth: i64) {
        match self.acknowledged.get_mut(key) {
            Some(last) => *last = nth,
            None => {
                self.acknowledged.insert(key.to_vec(), nth);
                self.remembered.push_back(key.to_vec());
                self.remembered_bytes += key.len();
                while (self.remembered.len() > REMEMBERED || self.remembered_bytes > REMEMBERED_BYTES)
                    && let Some(oldest) = self.remembered.pop_front()
                {
                    self.remembered_bytes -= oldest.len();
                    self.acknowledged.remove(&oldest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OutboxMessage;

    fn row(number: i64, key: &str, nth: Option<i64>) -> OutboxRow {
        let key = Some(key.as_bytes().to_vec());
        OutboxRow {
            number,
            range: 0,
            message: OutboxMessage { topic: "t".into(), key, payload: None, headers: Vec::new(), nth },
        }
    }

    fn chosen(fed: &mut Fed, rows: Vec<OutboxRow>) -> (Vec<i64>, bool) {
        fed.add(rows);
        let Chosen { rows, look } = fed.choose(10, 10_000, |_| true);
        (rows.iter().map(|row| row.number).collect(), look)
    }

    #[test]
    fn the_first_event_of_an_aggregate_goes_and_the_next_behind_it() {
        let rows = vec![row(7, "a", Some(2)), row(5, "a", Some(1)), row(6, "b", Some(1))];
        assert_eq!(chosen(&mut Fed::default(), rows), (vec![5, 6, 7], false));
    }

    #[test]
    fn an_event_whose_previous_one_another_replica_wrote_is_left_to_the_table_and_all_behind_it() {
        let mut fed = Fed::default();
        let rows = vec![row(105, "a", Some(2)), row(106, "a", Some(3)), row(107, "b", Some(1))];
        assert_eq!(chosen(&mut fed, rows), (vec![107], true));
        fed.acknowledge(b"a", 3);
        assert_eq!(
            chosen(&mut fed, vec![row(108, "a", Some(4))]),
            (vec![108], false),
            "the table's rows count as well"
        );
    }

    #[test]
    fn an_event_goes_only_once_the_one_before_it_is_acknowledged() {
        let mut fed = Fed::default();
        assert_eq!(chosen(&mut fed, vec![row(1, "a", Some(1))]), (vec![1], false));
        assert_eq!(chosen(&mut fed, vec![row(2, "a", Some(2))]), (vec![], true), "the first may have failed");
    }

    #[test]
    fn an_aggregate_that_counts_again_from_before_is_left_to_the_table() {
        let mut fed = Fed::default();
        fed.acknowledge(b"a", 5);
        assert_eq!(chosen(&mut fed, vec![row(9, "a", Some(5))]), (vec![], true));
    }

    #[test]
    fn what_was_not_counted_is_left_to_the_table() {
        assert_eq!(chosen(&mut Fed::default(), vec![row(1, "a", None)]), (vec![], true));
    }

    #[test]
    fn what_the_table_gave_before_is_forgotten() {
        let mut fed = Fed::default();
        fed.add(vec![row(1, "a", Some(1)), row(2, "b", Some(1))]);
        let Chosen { rows, look } = fed.choose(10, 10_000, |row| row.number > 1);
        assert_eq!((rows.len(), look, fed.waiting.is_empty()), (1, false, true));
    }

    #[test]
    fn what_finds_no_room_waits_for_the_next_step() {
        let mut fed = Fed::default();
        fed.add((1..=3).map(|number| row(number, &number.to_string(), Some(1))).collect());
        let Chosen { rows, look } = fed.choose(2, 10_000, |_| true);
        assert_eq!((rows.len(), look, fed.waiting.is_empty()), (2, false, false));
    }

    #[test]
    fn of_an_aggregate_that_is_forgotten_the_table_is_read() {
        let mut fed = Fed::default();
        fed.acknowledge(b"old", 1);
        for number in 0..REMEMBERED {
            fed.acknowledge(number.to_string().as_bytes(), 1);
        }
        assert_eq!(chosen(&mut fed, vec![row(1, "old", Some(2))]), (vec![], true));
        assert_eq!(fed.acknowledged.len(), REMEMBERED);
        fed.acknowledge(&vec![0; REMEMBERED_BYTES], 1);
        assert_eq!(
            (fed.acknowledged.len(), fed.remembered_bytes),
            (1, REMEMBERED_BYTES),
            "long keys leave room for fewer"
        );
    }
}

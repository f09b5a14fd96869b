//! How far a relay's ranges are published, as it knows without asking.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Lease, Mark, Published, Refused, Unpublished};
use crate::outbox::OutboxRow;

/// One range that the relay holds.
#[derive(Debug)]
struct Standing {
    epoch: i64,
    /// All up to this number are done with.
    through: i64,
    /// As far as that is written down.
    written: i64,
    /// Numbers beyond that are done with.
    beyond: BTreeSet<i64>,
    /// Further ones that Kafka has; it is not written down yet.
    sent: BTreeSet<i64>,
    /// Blocks of numbers beyond `written` are written down; they go once it is beyond them.
    has_blocks: bool,
}

/// The ranges that a relay holds.
#[derive(Debug, Default)]
pub(super) struct Standings(BTreeMap<i32, Standing>);

impl Standings {
    /// The leases about which nothing is known: they were not held before.
    pub fn unknown(&self, leases: &[Lease]) -> Vec<Lease> {
        let is_known = |lease: &&Lease| self.0.get(&lease.range).is_some_and(|range| range.epoch == lease.epoch);
        leases.iter().filter(|lease| !is_known(lease)).copied().collect()
    }

    /// Forgets what is not held any more.
    pub fn keep(&mut self, leases: &[Lease]) {
        self.0.retain(|range, standing| {
            leases.iter().any(|lease| lease.range == *range && lease.epoch == standing.epoch)
        });
    }

    pub fn begin(&mut self, lease: Lease, published: Published) {
        let Published { range, through, beyond } = published;
        let has_blocks = !beyond.is_empty();
        let standing = Standing {
            epoch: lease.epoch,
            through,
            written: through,
            beyond: beyond.into_iter().collect(),
            sent: BTreeSet::new(),
            has_blocks,
        };
        self.0.insert(range, standing);
    }

    /// The highest number that came into sight, as far as it matters still.
    pub fn highest(&self) -> i64 {
        let of = |range: &Standing| range.through.max(range.beyond.last().max(range.sent.last()).copied().unwrap_or(0));
        self.0.values().map(of).max().unwrap_or_default()
    }

    /// Whether this relay has to send a row: its range is held, and it is not done with.
    pub fn is_open(&self, range: i32, number: i64) -> bool {
        self.0.get(&range).is_some_and(|standing| {
            number > standing.through && !standing.beyond.contains(&number) && !standing.sent.contains(&number)
        })
    }

    /// Kafka has these.
    pub fn sent(&mut self, rows: &[(i32, i64)]) {
        for (range, number) in rows {
            if let Some(standing) = self.0.get_mut(range) {
                standing.sent.insert(*number);
            }
        }
    }

    /// How many numbers Kafka has that are not written down yet.
    pub fn unwritten_rows(&self) -> usize {
        self.0.values().map(|standing| standing.sent.len()).sum()
    }

    /// What Kafka has and what is not written down yet.
    pub fn unwritten(&self) -> Vec<(i32, i64)> {
        let of = |(range, standing): (&i32, &Standing)| standing.sent.iter().map(|number| (*range, *number)).collect();
        self.0.iter().flat_map::<Vec<_>, _>(of).collect()
    }

    /// Whether some numbers are done with and others before them may not be: then the table is read again after a while.
    pub fn has_gaps(&self) -> bool {
        self.0.values().any(|standing| !standing.beyond.is_empty() || !standing.sent.is_empty())
    }

    /// Those of these ranges that are known, each with the number behind which it is read; and the numbers behind those that
    /// are done with.
    pub fn read(&self, ranges: impl Iterator<Item = i32>) -> (Vec<(i32, i64)>, Vec<i64>) {
        let known: Vec<(i32, &Standing)> = ranges.filter_map(|range| Some((range, self.0.get(&range)?))).collect();
        let done =
            known.iter().flat_map(|(_, standing)| standing.beyond.iter().chain(&standing.sent).copied()).collect();
        (known.into_iter().map(|(range, standing)| (range, standing.through)).collect(), done)
    }

    /// What is to be written down once Kafka has these of the rows that were found. `settled`: see
    /// [`Settled`](super::settlement::Settled).
    pub fn mark(&self, found: &Found, acknowledged: &[(i32, i64)], settled: i64) -> Step {
        let has: HashSet<&(i32, i64)> = acknowledged.iter().collect();
        let mut through: BTreeMap<i32, i64> = BTreeMap::new();
        for (range, seen) in &found.seen {
            let Some(standing) = self.0.get(range) else { continue };
            // Rows from up to `through` were left behind earlier.
            let is_open = |row: &&(i32, i64)| row.0 == *range && row.1 > standing.through && !has.contains(row);
            let first_open = found.rows.iter().filter(is_open).map(|row| row.1).min();
            let done = first_open.map_or(i64::MAX, |number| number - 1).min(*seen).min(settled);
            through.insert(*range, standing.through.max(done));
        }
        let is_beyond = |(range, number): &&(i32, i64)| {
            self.0.contains_key(range) && through.get(range).is_none_or(|through| number > through)
        };
        let mark = Mark {
            published: acknowledged.iter().filter(is_beyond).copied().collect(),
            caught_up: acknowledged.iter().filter(|row| found.was_left.contains(row)).copied().collect(),
            left_behind: found.waiting.clone(),
            through: Vec::new(),
        };
        let touched: HashSet<i32> = acknowledged.iter().chain(&mark.left_behind).map(|(range, _)| *range).collect();
        let is_due = |(range, through): &(&i32, &i64)| {
            let Some(standing) = self.0.get(range) else { return false };
            let clears = standing.has_blocks && standing.beyond.last().is_none_or(|last| last <= *through);
            **through > standing.written && (touched.contains(range) || clears)
        };
        let due = through.iter().filter(is_due).map(|(range, through)| (*range, *through)).collect();
        Step { mark: Mark { through: due, ..mark }, through }
    }

    /// The numbers to write down of rows that Kafka has, without a read of the table.
    pub fn mark_sent(&self) -> Step {
        Step { mark: Mark { published: self.unwritten(), ..Mark::default() }, ..Step::default() }
    }

    /// It is written down, for the ranges that stand. The others are another relay's by now.
    pub fn written(&mut self, step: &Step, stands: &[i32]) {
        let Step { mark, through } = step;
        let named = mark.published.iter().chain(&mark.caught_up).chain(&mark.left_behind).chain(&mark.through);
        for (range, _) in named {
            if !stands.contains(range) {
                self.0.remove(range);
            }
        }
        for (range, number) in mark.published.iter().chain(&mark.left_behind) {
            if let Some(standing) = self.0.get_mut(range) {
                standing.sent.remove(number);
                standing.beyond.insert(*number);
                standing.has_blocks = true;
            }
        }
        for (range, through) in through {
            if let Some(standing) = self.0.get_mut(range) {
                standing.through = *through;
                standing.sent = standing.sent.split_off(&(through + 1));
                standing.beyond = standing.beyond.split_off(&(through + 1));
            }
        }
        for (range, through) in &mark.through {
            if let Some(standing) = self.0.get_mut(range) {
                standing.written = *through;
                standing.has_blocks = !standing.beyond.is_empty();
            }
        }
    }

    /// These rows were stopped, and so left behind.
    pub fn stopped(&mut self, refused: &[Refused]) {
        for Refused { range, number, .. } in refused {
            if let Some(standing) = self.0.get_mut(range) {
                standing.beyond.insert(*number);
                // Once it is discarded, only the block records it.
                standing.has_blocks = true;
            }
        }
    }

    /// Whether this row was left behind at an earlier read.
    fn was_left(&self, range: i32, number: i64) -> bool {
        self.0.get(&range).is_some_and(|standing| number <= standing.through || standing.beyond.contains(&number))
    }
}

/// What a step comes to.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// To be written down.
    pub mark: Mark,
    /// The number up to which all is done with then, in each range that was read.
    through: BTreeMap<i32, i64>,
}

/// What a read found, as far as the mark needs it.
#[derive(Debug)]
pub(super) struct Found {
    rows: Vec<(i32, i64)>,
    waiting: Vec<(i32, i64)>,
    was_left: HashSet<(i32, i64)>,
    seen: Vec<(i32, i64)>,
}

impl Found {
    pub fn of(unpublished: &Unpublished, standings: &Standings) -> Self {
        let rows: Vec<(i32, i64)> =
            unpublished.rows.iter().map(|OutboxRow { range, number, .. }| (*range, *number)).collect();
        let was_left = rows.iter().filter(|(range, number)| standings.was_left(*range, *number)).copied().collect();
        Self { rows, waiting: unpublished.waiting.clone(), was_left, seen: unpublished.seen.clone() }
    }

    /// Whether there may be more in the table than what was read.
    pub fn is_cut(&self) -> bool {
        self.seen.iter().any(|(_, number)| *number < i64::MAX)
    }

    /// Whether the next read may find more: it was cut off, or rows that were left behind before gave way to others.
    pub fn may_go_on(&self) -> bool {
        self.is_cut() || !self.was_left.is_empty() || self.passes_over()
    }

    /// Whether rows were passed over, so that there may be more behind them.
    pub fn passes_over(&self) -> bool {
        !self.waiting.is_empty()
    }
}

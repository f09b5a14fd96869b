//! How far a batch has come.

use chrono::{DateTime, Utc};

use crate::{calls::FreshCall, input::Verdict, outbox::OutboxRow, store::Crashes};

/// Which part of a batch is committed, and what follows from it. Kept across failed tries, so that committed parts are not handled (or
/// answered) twice.
#[derive(Debug)]
pub struct Progress<R> {
    /// What became of each input, in its order; `None` of what is not settled yet.
    pub verdicts: Vec<Option<Verdict<R>>>,
    /// Rows of the outbox, for the relay of their ranges.
    pub published: Vec<OutboxRow>,
    /// Key ranges that have something else to publish.
    pub ranges: Vec<i32>,
    /// Calls to make now; the rows stand in the database in case this process does not get to it.
    pub calls: Vec<FreshCall>,
    /// The earliest deadline that was set.
    pub earliest_deadline: Option<DateTime<Utc>>,
    /// How often earlier runs crashed over each, once that was asked.
    pub(crate) crashes: Option<Vec<Crashes>>,
}

impl<R> Progress<R> {
    /// Nothing of so many inputs is settled yet.
    pub fn new(len: usize) -> Self {
        Self::of((0..len).map(|_| None).collect())
    }

    /// Nothing follows from these.
    pub(crate) fn of(verdicts: Vec<Option<Verdict<R>>>) -> Self {
        let (published, ranges, calls) = (Vec::new(), Vec::new(), Vec::new());
        Self { verdicts, published, ranges, calls, earliest_deadline: None, crashes: None }
    }

    /// A part of it, which begins at `from`, was committed.
    pub(super) fn keep(&mut self, from: usize, part: Self) {
        for (offset, verdict) in part.verdicts.into_iter().enumerate() {
            self.verdicts[from + offset] = verdict;
        }
        self.published.extend(part.published);
        self.ranges.extend(part.ranges);
        self.calls.extend(part.calls);
        self.earliest_deadline = self.earliest_deadline.into_iter().chain(part.earliest_deadline).min();
    }
}

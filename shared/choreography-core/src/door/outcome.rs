//! What a batch came to: what has to be written, and what follows its commit.

use std::time::Instant;

use super::{ranges, told::Told};
use crate::spans::SagaSpan;
use crate::{
    input::{Handled, Verdict},
    intents::FreshCall,
    participant::Participant,
    store::{AmendedIntent, Deadline, HeldFailure, HoldEvent, Intent, OutboxMessage, RefusedIntent},
};

/// What has to be written, and what to tell whom.
pub(super) struct Outcome<P: Participant> {
    pub verdicts: Vec<Option<Verdict<P::Reply>>>,
    pub messages: Vec<OutboxMessage>,
    pub records: Vec<P::Record>,
    pub deadlines: Vec<Deadline>,
    pub settled: Vec<(String, String)>,
    pub intents: Vec<Intent>,
    /// Open calls that ask for something else from now on.
    pub amended: Vec<AmendedIntent>,
    /// Their answers were refused: they stay open and are asked about again later.
    pub refused_intents: Vec<RefusedIntent>,
    pub hold: Vec<HoldEvent>,
    pub failed_again: Vec<HeldFailure>,
    pub let_go: Vec<i64>,
    /// What is to be told of the inputs, and the spans of the facts.
    pub told: Vec<Told>,
    pub facts: Vec<SagaSpan>,
    /// Sagas that ended, as they did and after how many seconds.
    pub ended: Vec<(&'static str, f64)>,
}

impl<P: Participant> Outcome<P> {
    /// It is committed: tells it, and says what has to be done now. `since`: a moment before the transaction began.
    pub fn committed(self, range_count: i32, since: Instant) -> Handled<P::Reply> {
        self.facts.into_iter().for_each(SagaSpan::end);
        self.told.into_iter().for_each(Told::committed);
        for (outcome, seconds) in self.ended {
            metrics::histogram!("saga_duration_seconds", "outcome" => outcome).record(seconds);
        }
        Handled {
            ranges: ranges(&self.messages, range_count),
            verdicts: self.verdicts.into_iter().map(|verdict| verdict.unwrap_or(Verdict::Gone)).collect(),
            earliest_deadline: self.deadlines.iter().map(Deadline::next_at).min(),
            intents: self.intents.into_iter().map(|intent| FreshCall { intent, since }).collect(),
        }
    }
}

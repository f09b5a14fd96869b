//! What a batch came to: what has to be written, and what follows its commit.

use std::{collections::HashSet, time::Instant};

use opentelemetry::trace::SpanContext;
use uuid::Uuid;

use super::{Progress, published, reporting::Report};
use crate::{
    calls::FreshCall,
    input::Verdict,
    participant::Participant,
    spans::SagaSpan,
    store::{AmendedCall, Deadline, PendingCall, RefusedCall, Writing},
};

/// What has to be written, answered and reported.
pub(super) struct Outcome<P: Participant> {
    pub verdicts: Vec<Option<Verdict<P::Reply>>>,
    pub writing: Writing<P>,
    /// The batch's own span, to which those of its inputs link.
    pub links: Vec<SpanContext>,
    /// What is to be reported of the inputs, and the spans of the events.
    pub reports: Vec<Report>,
    pub event_spans: Vec<SagaSpan>,
    /// Sagas that ended, as they did and after how many seconds.
    pub ended: Vec<(&'static str, f64)>,
    /// Deadlines whose rules ran well.
    passed: Vec<Deadline>,
}

impl<P: Participant> Default for Outcome<P> {
    fn default() -> Self {
        Self {
            verdicts: Vec::new(),
            writing: Writing::default(),
            links: Vec::new(),
            reports: Vec::new(),
            event_spans: Vec::new(),
            ended: Vec::new(),
            passed: Vec::new(),
        }
    }
}

impl<P: Participant> Outcome<P> {
    pub fn linked(links: Vec<SpanContext>) -> Self {
        Self { links, ..Self::default() }
    }

    pub fn set_deadline(&mut self, deadline: Deadline) {
        let deadlines = &mut self.writing.deadlines;
        let other = |row: &Deadline| !is_same(row, &deadline);
        deadlines.set.retain(other);
        deadlines.postponed.retain(other);
        deadlines.set.push(deadline);
    }

    pub fn settle_deadline(&mut self, aggregate_id: String, name: &str) {
        let deadlines = &mut self.writing.deadlines;
        let other = |row: &Deadline| row.aggregate_id != aggregate_id || row.name != name;
        deadlines.set.retain(other);
        deadlines.postponed.retain(other);
        deadlines.settled.push((aggregate_id, name.to_owned()));
    }

    /// Whether an input before it has settled it or set it anew: then it is not due any more.
    pub fn has_replaced(&self, deadline: &Deadline) -> bool {
        let deadlines = &self.writing.deadlines;
        let settled = |(of, name): &(String, String)| *of == deadline.aggregate_id && *name == deadline.name;
        deadlines.settled.iter().any(settled) || deadlines.set.iter().any(|set| is_same(set, deadline))
    }

    /// Its rule ran well: its row goes.
    pub fn pass_deadline(&mut self, deadline: &Deadline) {
        self.passed.push(deadline.clone());
    }

    /// Unless another input of this batch set it anew or settled it.
    pub fn postpone_deadline(&mut self, postponed: Deadline) {
        let deadlines = &mut self.writing.deadlines;
        let settled = |(of, name): &(String, String)| *of == postponed.aggregate_id && *name == postponed.name;
        if !deadlines.set.iter().any(|set| is_same(set, &postponed)) && !deadlines.settled.iter().any(settled) {
            deadlines.postponed.push(postponed);
        }
    }

    /// One that this very batch writes down is not there yet; one that has its answer in this batch stays as it is.
    pub fn amend_call(&mut self, amended: AmendedCall) {
        let calls = &mut self.writing.calls;
        let is_it = |call: &PendingCall| call.aggregate_id == amended.aggregate_id && call.step == amended.step;
        if let Some(new) = calls.new.iter_mut().find(|call| is_it(call)) {
            new.request = amended.request;
        } else if let Some(postponed) = calls.postponed.iter_mut().find(|row| is_it(&row.call)) {
            postponed.amended = Some(amended.request);
        } else {
            calls.amended.retain(|row| row.aggregate_id != amended.aggregate_id || row.step != amended.step);
            calls.amended.push(amended);
        }
    }

    /// Its answer was refused. What an earlier input of this batch amended of it still holds.
    pub fn postpone_call(&mut self, mut refused: RefusedCall) {
        let calls = &mut self.writing.calls;
        let is_it = |row: &AmendedCall| row.aggregate_id == refused.call.aggregate_id && row.step == refused.call.step;
        if let Some(at) = calls.amended.iter().position(is_it) {
            refused.amended = Some(calls.amended.remove(at).request);
        }
        calls.postponed.push(refused);
    }

    /// Merges the changes, so that each row is written once. `answered`: calls whose answers were taken.
    pub fn net(&mut self, answered: &[PendingCall]) {
        let deadlines = &mut self.writing.deadlines;
        for passed in std::mem::take(&mut self.passed) {
            deadlines.settled.retain(|(of, name)| *of != passed.aggregate_id || *name != passed.name);
            match deadlines.set.iter().any(|set| is_same(set, &passed)) {
                true => deadlines.replaced.push(passed.id),
                false => deadlines.taken.push(passed.id),
            }
        }
        let set: HashSet<(&str, &str)> =
            deadlines.set.iter().map(|set| (set.aggregate_id.as_str(), set.name.as_str())).collect();
        deadlines.settled.retain(|(of, name)| !set.contains(&(of, name)));
        sort(&mut deadlines.settled);
        sort(&mut deadlines.taken);
        sort(&mut deadlines.replaced);
        deadlines.postponed.sort_by_key(|row| row.id);
        deadlines.set.sort_by(|one, other| (&one.aggregate_id, &one.name).cmp(&(&other.aggregate_id, &other.name)));

        let calls = &mut self.writing.calls;
        let is_answered = |row: &AmendedCall| {
            answered.iter().any(|call| call.aggregate_id == row.aggregate_id && call.step == row.step)
        };
        calls.amended.retain(|row| !is_answered(row));
        calls.taken = answered.iter().map(|call| call.id).collect();
        sort(&mut calls.taken);
        calls.postponed.sort_by_key(|row| row.call.id);
        sort(&mut self.writing.deferred.none);
        sort(&mut self.writing.deferred.no_compensation);
        sort::<Uuid>(&mut self.writing.inbox.new);
        sort::<Uuid>(&mut self.writing.inbox.early);
    }

    /// Nothing of it was written, and all of it is done anew.
    pub fn discard(self) {
        self.event_spans.into_iter().for_each(SagaSpan::discard);
        self.reports.into_iter().for_each(|report| report.span.discard());
    }

    /// It is committed: reports it, and says what has to be done now. `numbers`: of the messages, in the outbox. `since`: a moment
    /// before the transaction began.
    pub fn committed(self, range_count: i32, numbers: &[i64], since: Instant) -> Progress<P::Reply> {
        self.event_spans.into_iter().for_each(SagaSpan::end);
        self.reports.into_iter().for_each(Report::committed);
        for (outcome, seconds) in self.ended {
            metrics::histogram!("saga_duration_seconds", "outcome" => outcome).record(seconds);
        }
        let Writing { deadlines, calls, messages, .. } = self.writing;
        let (published, ranges) = published(messages, numbers, range_count);
        Progress {
            ranges,
            published,
            verdicts: self.verdicts,
            earliest_deadline: deadlines.set.iter().chain(&deadlines.postponed).map(Deadline::next_at).min(),
            calls: calls.new.into_iter().map(|call| FreshCall { call, since }).collect(),
            crashes: None,
        }
    }
}

fn is_same(one: &Deadline, other: &Deadline) -> bool {
    one.aggregate_id == other.aggregate_id && one.name == other.name
}

fn sort<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}

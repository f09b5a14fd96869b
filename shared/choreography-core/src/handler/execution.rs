//! The rules at work: one input after the other, each undone alone if it is refused.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    batch::Waiting,
    note::{AWAITED, CRASH, Early, Note, SetAside},
    outcome::Outcome,
    postponement::Postponing,
    reporting::Report,
};
use crate::{
    crash_point::reached_of,
    dead_letter::{self, Attempts},
    event_id::{IdSource, random},
    input::{DeferredEvent, Event, Input, Origin, Verdict},
    panics::caught,
    participant::{Participant, Refusal},
    policy::Policy,
    rows::Rows,
    store::{DeferEvent, DeferredFailure, DeferredStatus, Failure, PendingCall},
    trace::TraceContext,
};

pub(super) struct Running<'a, P: Participant> {
    pub(super) participant: &'a P,
    pub(super) policy: &'a Policy,
    pub(super) now: DateTime<Utc>,
    waiting: Waiting,
    /// Aggregates with an event deferred by this very batch, which has no number yet; true: with a compensation that is
    /// not parked.
    newly_deferred: HashMap<String, bool>,
    pub(super) rows: &'a mut Rows<P>,
    pub(super) ids: &'a mut dyn IdSource,
    pub(super) outcome: Outcome<P>,
    answered: Vec<PendingCall>,
}

impl<'a, P: Participant> Running<'a, P> {
    pub fn new(
        participant: &'a P,
        policy: &'a Policy,
        now: DateTime<Utc>,
        waiting: Waiting,
        rows: &'a mut Rows<P>,
        ids: &'a mut dyn IdSource,
        outcome: Outcome<P>,
    ) -> Self {
        let (newly_deferred, answered) = (HashMap::new(), Vec::new());
        Self { participant, policy, now, waiting, newly_deferred, rows, ids, outcome, answered }
    }

    pub fn finish(mut self, verdicts: Vec<Option<Verdict<P::Reply>>>) -> Outcome<P> {
        self.outcome.verdicts = verdicts;
        self.outcome.net(&self.answered);
        if !self.outcome.writing.calls.new.is_empty() {
            self.outcome.writing.calls.own_until = self.now + self.policy.call_lease;
        }
        let tables = self.participant.tables().iter();
        self.outcome.writing.tables = tables.filter_map(|table| self.rows.changes(*table)).collect();
        if let Some(counts) = self.participant.counts() {
            self.outcome.writing.events = self.rows.number(counts, &mut self.outcome.writing.messages);
        }
        self.outcome
    }

    pub fn take(&mut self, input: &Input<P>, note: &Note) -> Verdict<P::Reply> {
        let mut span = Report::begin(self.participant.name(), input, note.overtakes, &self.outcome.links);
        let before = self.outcome.writing.messages.len();
        let (verdict, class) = self.handle(input, note, span.context());
        if input.correlation_id.is_none() {
            // A command that begins a saga, or asks something of one: its event says which.
            let key = self.outcome.writing.messages.get(before).and_then(|message| message.key.as_deref());
            if let Some(Ok(key)) = key.map(std::str::from_utf8) {
                span.set("saga.correlation_id", key.to_owned());
            }
        }
        self.outcome.reports.extend(Report::of(span, input, &verdict, class));
        self.note_in_inbox(input, note, &verdict);
        verdict
    }

    /// A deferred event that can't be read now: another version may read it, so it is tried again, for a while. One that ended
    /// processes is parked.
    pub fn take_stuck(&mut self, deferred: &DeferredEvent, failure: &Failure) -> Verdict<P::Reply> {
        let queue = self.waiting.queues.get(&deferred.event.aggregate_id);
        let overtakes = queue.is_some_and(|queue| queue.overtakes(deferred.number));
        if let Some(verdict) = self.not_its_turn(deferred, overtakes) {
            return verdict;
        }
        let attempts = self.attempts(deferred).saturating_add(1);
        let early =
            self.waiting.queues.get(&deferred.event.aggregate_id).is_some_and(|queue| queue.is_early(deferred.number));
        let refusal = match failure.class {
            CRASH => Refusal::Permanent(failure.message.clone()),
            _ => Refusal::Transient(failure.message.clone()),
        };
        let verdict = Verdict::Deferred(self.fail_again(deferred, &refusal, failure.clone(), attempts, early));
        self.outcome.reports.push(Report::stuck(deferred, failure, verdict.name(), &self.outcome.links));
        verdict
    }

    /// What becomes of the input, and the class of what went wrong.
    fn handle(&mut self, input: &Input<P>, note: &Note, trace: &TraceContext) -> (Verdict<P::Reply>, &'static str) {
        if let Some(waits) = self.wait_in_turn(input, note) {
            return waits;
        }
        let applied = match &note.set_aside {
            Some(SetAside { class, refusal }) => Err((*class, refusal.clone())),
            None => self.apply(input, trace),
        };
        match applied {
            Ok(reply) => {
                match &input.origin {
                    Origin::Deferred(deferred) => self.release(deferred),
                    Origin::Deadline(deadline) => self.outcome.pass_deadline(deadline),
                    Origin::Call(call) => self.answered.push(call.clone()),
                    Origin::Arrival(_) | Origin::Client => {}
                }
                (Verdict::Applied(reply), "")
            }
            Err((class, refusal)) => (self.refused(input, note, class, refusal), class),
        }
    }

    /// An event that waits for its time gets no inbox row before then; one that could not be tried now is left as it is.
    fn note_in_inbox(&mut self, input: &Input<P>, note: &Note, verdict: &Verdict<P::Reply>) {
        let inbox = &mut self.outcome.writing.inbox;
        match &input.origin {
            Origin::Arrival(event) if note.early.is_some() => inbox.early.push(event.id),
            Origin::Arrival(event) => inbox.new.push(event.id),
            Origin::Deferred(deferred)
                if deferred.early && !note.too_old && !note.known && !matches!(verdict, Verdict::Gone) =>
            {
                inbox.new.push(deferred.event.id);
            }
            _ => {}
        }
    }

    /// Events of one key are handled in order: an event behind a deferred one waits, but compensations overtake.
    fn wait_in_turn(&mut self, input: &Input<P>, note: &Note) -> Option<(Verdict<P::Reply>, &'static str)> {
        match &input.origin {
            Origin::Arrival(event) => {
                let blocked = self.is_blocked(&event.aggregate_id, note.overtakes);
                match &note.early {
                    Some(early) => Some((self.defer_until(event, early, note.overtakes, blocked), "event-id")),
                    None => blocked.then(|| (self.queue_up(event, note.overtakes), "")),
                }
            }
            Origin::Deferred(deferred) => self.not_its_turn(deferred, note.overtakes).map(|verdict| (verdict, "")),
            Origin::Deadline(deadline) => self.outcome.has_replaced(deadline).then_some((Verdict::Gone, "")),
            Origin::Call(_) | Origin::Client => None,
        }
    }

    fn not_its_turn(&self, deferred: &DeferredEvent, overtakes: bool) -> Option<Verdict<P::Reply>> {
        let queue = self.waiting.queues.get(&deferred.event.aggregate_id);
        let Some((queue, status)) = queue.and_then(|queue| Some((queue, queue.status(deferred.number)?))) else {
            return Some(Verdict::Gone);
        };
        let parked = status == DeferredStatus::Parked && !deferred.redrive;
        (parked || !queue.is_turn_of(deferred.number, overtakes)).then_some(Verdict::Gone)
    }

    /// Where the queue of its key is not locked, the write looks again whether it is as it was seen.
    fn is_blocked(&mut self, aggregate_id: &str, overtakes: bool) -> bool {
        if self.newly_deferred.get(aggregate_id).is_some_and(|compensation| !overtakes || *compensation) {
            return true;
        }
        if let Some(queue) = self.waiting.queues.get(aggregate_id) {
            return queue.blocks(overtakes);
        }
        let deferred = &mut self.outcome.writing.deferred;
        let (deferring, seen_free) = match overtakes {
            true => (&self.waiting.overtaking, &mut deferred.no_compensation),
            false => (&self.waiting.deferred, &mut deferred.none),
        };
        let blocked = deferring.contains(aggregate_id);
        if !blocked {
            seen_free.push(aggregate_id.to_owned());
        }
        blocked
    }

    fn apply(&mut self, input: &Input<P>, trace: &TraceContext) -> Result<Option<P::Reply>, (&'static str, Refusal)> {
        self.rows.begin_input();
        match &input.origin {
            Origin::Arrival(event) | Origin::Deferred(DeferredEvent { event, .. }) => {
                reached_of("rules", &event.aggregate_id)
            }
            Origin::Deadline(deadline) => reached_of("deadline", &deadline.aggregate_id),
            Origin::Call(call) => reached_of("answer", &call.aggregate_id),
            Origin::Client => {}
        }
        let decided = caught(|| self.participant.decide(&input.trigger, self.rows, self.now))
            .map_err(|panic| ("panic", Refusal::Permanent(format!("the rule panicked: {panic}"))))
            .and_then(|decided| decided.map_err(|refusal| (class_of(&refusal), refusal)));
        let applied = decided.and_then(|effects| {
            let messages = self.messages(input, &effects, trace).map_err(|refusal| ("unpublishable", refusal))?;
            Ok((effects, messages))
        });
        match applied {
            Ok((effects, messages)) => {
                let (messages, spans): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
                self.outcome.writing.messages.extend(messages);
                self.outcome.event_spans.extend(spans);
                Ok(self.keep(input, effects, trace))
            }
            Err(refused) => {
                self.rows.roll_back_input();
                Err(refused)
            }
        }
    }

    fn refused(&mut self, input: &Input<P>, note: &Note, class: &'static str, refusal: Refusal) -> Verdict<P::Reply> {
        let failure = Failure { class, message: dead_letter::shortened(&refusal.to_string()) };
        match &input.origin {
            Origin::Arrival(event) => {
                let status = self.status_after(&refusal, 1);
                self.give_up(event, status, &failure, 1, self.now);
                let retry_in = self.retry_in(&refusal, 1, self.now);
                let overtakes = note.overtakes;
                self.defer(event, Deferral { status, failure: Some(failure), retry_in, overtakes, early: false });
                Verdict::Deferred(status)
            }
            Origin::Deferred(deferred) => {
                let attempts = self.attempts(deferred).saturating_add(u32::from(!waits_for_others(&refusal)));
                // Its inbox row is inserted by this very transaction, if it had none.
                Verdict::Deferred(self.fail_again(deferred, &refusal, failure, attempts, false))
            }
            // It stays where it is, and comes again.
            Origin::Deadline(deadline) => {
                let postponed = self.postponing().deadline(deadline, &failure);
                self.outcome.postpone_deadline(postponed);
                Verdict::Refused(refusal)
            }
            Origin::Call(call) => {
                let postponed = self.postponing().call(call, &failure);
                self.outcome.postpone_call(postponed);
                Verdict::Refused(refusal)
            }
            Origin::Client => Verdict::Refused(refusal),
        }
    }

    fn postponing(&mut self) -> Postponing<'_> {
        Postponing { retry: self.policy.retry, now: self.now, ids: &mut *self.ids }
    }

    /// By the row under its lock: another try may have failed since the event was read.
    fn attempts(&self, deferred: &DeferredEvent) -> u32 {
        self.waiting
            .queues
            .get(&deferred.event.aggregate_id)
            .map_or(deferred.attempts, |queue| queue.attempts(deferred.number))
    }

    fn status_after(&self, refusal: &Refusal, attempts: u32) -> DeferredStatus {
        match refusal {
            Refusal::Awaited(_) => DeferredStatus::Retrying,
            Refusal::Transient(_) if attempts < self.policy.retry.max_attempts => DeferredStatus::Retrying,
            Refusal::Transient(_) | Refusal::Permanent(_) => DeferredStatus::Parked,
        }
    }

    /// It waits behind a deferred event of its key.
    fn queue_up(&mut self, event: &Event, overtakes: bool) -> Verdict<P::Reply> {
        let status = DeferredStatus::Queued;
        let retry_in = TimeDelta::zero();
        self.defer(event, Deferral { status, failure: None, retry_in, overtakes, early: false });
        Verdict::Deferred(status)
    }

    /// It waits for its time, and its key behind it.
    fn defer_until(&mut self, event: &Event, early: &Early, overtakes: bool, blocked: bool) -> Verdict<P::Reply> {
        let status = if blocked { DeferredStatus::Queued } else { DeferredStatus::Retrying };
        let retry_in = (early.until - self.now).max(TimeDelta::zero());
        let failure = Some(Failure { class: "event-id", message: early.why.clone() });
        self.defer(event, Deferral { status, failure, retry_in, overtakes, early: true });
        Verdict::Deferred(status)
    }

    fn defer(&mut self, event: &Event, deferral: Deferral) {
        let Deferral { status, failure, retry_in, overtakes, early } = deferral;
        let compensation = self.newly_deferred.entry(event.aggregate_id.clone()).or_default();
        *compensation |= overtakes && status != DeferredStatus::Parked;
        self.outcome.writing.deferred.defer.push(DeferEvent {
            key: event.aggregate_id.clone(),
            event_id: event.id,
            event_type: event.event_type.clone(),
            status,
            delivery: event.delivery.clone(),
            failure,
            retry_in,
            now: self.now,
            overtakes,
            early,
        });
    }

    fn fail_again(
        &mut self,
        deferred: &DeferredEvent,
        refusal: &Refusal,
        failure: Failure,
        attempts: u32,
        early: bool,
    ) -> DeferredStatus {
        let status = self.status_after(refusal, attempts);
        // A parked event that is refused once more has its dead letter already.
        let queue = self.waiting.queues.get(&deferred.event.aggregate_id);
        if queue.and_then(|queue| queue.status(deferred.number)) != Some(DeferredStatus::Parked) {
            self.give_up(&deferred.event, status, &failure, attempts, deferred.first_failed_at.unwrap_or(self.now));
        }
        let retry_in = self.retry_in(refusal, attempts, deferred.first_failed_at.unwrap_or(self.now));
        let number = deferred.number;
        if let Some(queue) = self.waiting.queues.get_mut(&deferred.event.aggregate_id) {
            queue.set_status(number, status);
        }
        let failed = DeferredFailure { number, status, failure, attempts, retry_in, now: self.now, early };
        self.outcome.writing.deferred.failed_again.push(failed);
        status
    }

    /// `since`: when it was refused first.
    fn retry_in(&mut self, refusal: &Refusal, attempts: u32, since: DateTime<Utc>) -> TimeDelta {
        let random = self.random();
        if waits_for_others(refusal) {
            self.policy.retry.wait_for_others(self.now - since, random)
        } else {
            self.policy.retry.wait(attempts, random)
        }
    }

    fn give_up(
        &mut self,
        event: &Event,
        status: DeferredStatus,
        failure: &Failure,
        count: u32,
        first_failed_at: DateTime<Utc>,
    ) {
        if status == DeferredStatus::Parked {
            let attempts = Attempts { count, first_failed_at, last_failed_at: self.now };
            let limit = self.policy.max_message_bytes;
            self.outcome.writing.messages.push(dead_letter::record(
                &event.delivery,
                self.participant.name(),
                failure,
                attempts,
                limit,
            ));
        }
    }

    fn release(&mut self, deferred: &DeferredEvent) {
        if let Some(queue) = self.waiting.queues.get_mut(&deferred.event.aggregate_id) {
            queue.remove(deferred.number);
        }
        self.outcome.writing.deferred.released.push(deferred.number);
    }

    fn random(&mut self) -> u64 {
        random(self.ids, self.now)
    }
}

/// The class of a rule's refusal.
fn class_of(refusal: &Refusal) -> &'static str {
    if waits_for_others(refusal) { AWAITED } else { "refused" }
}

/// Whether it is no failure of the input, but waits for what others do.
fn waits_for_others(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Awaited(_))
}

/// How an arrival is deferred.
struct Deferral {
    status: DeferredStatus,
    failure: Option<Failure>,
    retry_in: TimeDelta,
    overtakes: bool,
    early: bool,
}

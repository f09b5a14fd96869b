//! The rules at work: one input after the other, each undone alone if it is refused.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use opentelemetry::trace::SpanContext;

use super::{
    note::{CRASH, LOCKED, Note, SetAside, Wait},
    outcome::Outcome,
    postponing::Postponing,
    queue::Queue,
    told::{Told, created},
};
use crate::spans::SagaSpan;
use crate::{
    crash_point::reached_of,
    dead_letter::{self, Attempts},
    effects::{Effects, Intend, SagaEnd},
    event_id::{IdSource, random},
    input::{Event, HeldEvent, Input, Source, Verdict},
    outbox::{self, Origin},
    panics::caught,
    participant::{Participant, Refusal},
    policy::Policy,
    rows::Rows,
    store::{AmendedIntent, Deadline, Failure, HeldFailure, HeldStatus, HoldEvent, Intent, Opening, OutboxMessage},
    trace::TraceContext,
};

pub(super) struct Running<'a, P: Participant> {
    participant: &'a P,
    policy: &'a Policy,
    now: DateTime<Utc>,
    /// Per aggregate that was looked at under its lock, its held events.
    held: HashMap<String, Queue>,
    /// What was held of the others, as it was seen without a lock.
    opening: Opening,
    /// Aggregates with an event held by this very batch, which has no number yet; true: with a compensation that is
    /// not parked.
    newly_held: HashMap<String, bool>,
    rows: &'a mut Rows<P>,
    ids: &'a mut dyn IdSource,
    outcome: Outcome<P>,
    links: Vec<SpanContext>,
}

/// What is known before the rules run.
pub(super) struct Beginning {
    pub held: HashMap<String, Queue>,
    pub opening: Opening,
    pub let_go: Vec<i64>,
    /// Dead letters of messages that are no events.
    pub messages: Vec<OutboxMessage>,
    pub told: Vec<Told>,
    /// The batch's span.
    pub links: Vec<SpanContext>,
}

impl<'a, P: Participant> Running<'a, P> {
    pub fn new(
        participant: &'a P,
        policy: &'a Policy,
        now: DateTime<Utc>,
        beginning: Beginning,
        rows: &'a mut Rows<P>,
        ids: &'a mut dyn IdSource,
    ) -> Self {
        let Beginning { held, opening, let_go, messages, told, links } = beginning;
        let outcome = Outcome {
            verdicts: Vec::new(),
            messages,
            records: Vec::new(),
            deadlines: Vec::new(),
            settled: Vec::new(),
            intents: Vec::new(),
            amended: Vec::new(),
            refused_intents: Vec::new(),
            hold: Vec::new(),
            failed_again: Vec::new(),
            let_go,
            told,
            facts: Vec::new(),
            ended: Vec::new(),
        };
        Self { participant, policy, now, held, opening, newly_held: HashMap::new(), rows, ids, outcome, links }
    }

    pub fn finish(self, verdicts: Vec<Option<Verdict<P::Reply>>>) -> Outcome<P> {
        Outcome { verdicts, ..self.outcome }
    }

    pub fn take(&mut self, input: &Input<P>, note: &Note) -> Verdict<P::Reply> {
        let mut span = Told::begin(self.participant.name(), input, note.overtakes, &self.links);
        let before = self.outcome.messages.len();
        let (verdict, class) = self.handle(input, note, span.context());
        if input.correlation_id.is_none() {
            // A command that begins a saga, or asks something of one: its fact says which.
            let key = self.outcome.messages.get(before).and_then(|message| message.key.as_deref());
            if let Some(Ok(key)) = key.map(std::str::from_utf8) {
                span.set("saga.correlation_id", key.to_owned());
            }
        }
        self.outcome.told.extend(Told::of(span, input, &verdict, class));
        verdict
    }

    /// A held event that can't be read now: another version may read it, so it is tried again, for a while. One that ended
    /// processes is parked.
    pub fn take_stuck(&mut self, held: &HeldEvent, failure: &Failure) -> Verdict<P::Reply> {
        let queue = self.held.get(&held.event.aggregate_id);
        let overtakes = queue.is_some_and(|queue| queue.overtakes(held.number));
        if let Some(verdict) = self.not_its_turn(held, overtakes) {
            return verdict;
        }
        let attempts = self.attempts(held).saturating_add(1);
        let early = self.held.get(&held.event.aggregate_id).is_some_and(|queue| queue.is_early(held.number));
        let refusal = match failure.class {
            CRASH => Refusal::Permanent(failure.message.clone()),
            _ => Refusal::Transient(failure.message.clone()),
        };
        let status = self.status_after(&refusal, attempts);
        let verdict = Verdict::Held(status);
        self.outcome.told.push(Told::stuck(held, failure, verdict.name(), &self.links));
        self.fail_again(held, status, failure.clone(), attempts, early);
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
                if let Source::Held(held) = &input.source {
                    self.let_go(held);
                }
                (Verdict::Applied(reply), "")
            }
            Err((class, refusal)) => (self.refused(input, note, class, refusal), class),
        }
    }

    /// Events of one key are handled in order: whoever comes behind a held one waits, but compensations overtake.
    fn wait_in_turn(&mut self, input: &Input<P>, note: &Note) -> Option<(Verdict<P::Reply>, &'static str)> {
        match &input.source {
            Source::Arrival(event) => {
                let blocked = self.is_blocked(&event.aggregate_id, note.overtakes);
                match &note.wait {
                    Some(Wait::Until(at, why)) => {
                        let failure = Failure { class: "event-id", message: why.clone() };
                        Some((self.hold_until(event, *at, failure, note.overtakes, blocked), "event-id"))
                    }
                    Some(Wait::Behind) => Some((self.queue_up(event, note.overtakes), "")),
                    None => blocked.then(|| (self.queue_up(event, note.overtakes), "")),
                }
            }
            Source::Held(held) => self.not_its_turn(held, note.overtakes).map(|verdict| (verdict, "")),
            _ => None,
        }
    }

    fn not_its_turn(&self, held: &HeldEvent, overtakes: bool) -> Option<Verdict<P::Reply>> {
        let queue = self.held.get(&held.event.aggregate_id);
        let Some((queue, status)) = queue.and_then(|queue| Some((queue, queue.status(held.number)?))) else {
            return Some(Verdict::Gone);
        };
        let parked = status == HeldStatus::Parked && !held.redrive;
        (parked || !queue.is_turn_of(held.number, overtakes)).then_some(Verdict::Gone)
    }

    fn is_blocked(&self, aggregate_id: &str, overtakes: bool) -> bool {
        let newly = self.newly_held.get(aggregate_id).is_some_and(|compensation| !overtakes || *compensation);
        let earlier = match self.held.get(aggregate_id) {
            Some(queue) => queue.blocks(overtakes),
            None if overtakes => self.opening.overtaking.contains(aggregate_id),
            None => self.opening.held.contains(aggregate_id),
        };
        newly || earlier
    }

    fn apply(&mut self, input: &Input<P>, trace: &TraceContext) -> Result<Option<P::Reply>, (&'static str, Refusal)> {
        self.rows.begin_input();
        if let Some(event) = input.source.event() {
            reached_of("rules", &event.aggregate_id);
        }
        let decided = caught(|| self.participant.decide(&input.what, self.rows, self.now))
            .map_err(|panic| ("panic", Refusal::Permanent(format!("the rule panicked: {panic}"))))
            .and_then(|decided| decided.map_err(|refusal| ("refused", refusal)));
        let applied = decided.and_then(|effects| {
            let messages = self.messages(input, &effects, trace).map_err(|refusal| ("unpublishable", refusal))?;
            Ok((effects, messages))
        });
        match applied {
            Ok((effects, messages)) => {
                let (messages, spans): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
                self.outcome.messages.extend(messages);
                self.outcome.facts.extend(spans);
                Ok(self.keep(input, effects, trace))
            }
            Err(refused) => {
                self.rows.roll_back_input();
                Err(refused)
            }
        }
    }

    fn messages(
        &mut self,
        input: &Input<P>,
        effects: &Effects<P>,
        trace: &TraceContext,
    ) -> Result<Vec<(OutboxMessage, SagaSpan)>, Refusal> {
        effects
            .facts
            .iter()
            .map(|fact| {
                let correlation_id = input.correlation_id.as_deref().unwrap_or(&fact.aggregate_id);
                let id = self.ids.next(self.now);
                let span = created(trace, fact, id, correlation_id);
                let causation_id = input.source.causation_id();
                let origin =
                    Origin { source: self.participant.name(), correlation_id, causation_id, trace: span.context() };
                outbox::message(fact.clone(), id, self.now, &origin, self.policy.max_message_bytes)
                    .map(|message| (message, span))
            })
            .collect()
    }

    fn keep(&mut self, input: &Input<P>, effects: Effects<P>, trace: &TraceContext) -> Option<P::Reply> {
        self.outcome.records.extend(effects.records);
        for SagaEnd { outcome, began_at } in effects.ended {
            let seconds = (self.now - began_at).num_milliseconds().max(0) as f64 / 1000.0;
            self.outcome.ended.push((outcome, seconds));
        }
        for settled in effects.settled {
            self.outcome.deadlines.retain(|set| set.aggregate_id != settled.aggregate_id || set.name != settled.name);
            self.outcome.settled.push((settled.aggregate_id, settled.name.to_owned()));
        }
        for deadline in effects.deadlines {
            self.outcome.deadlines.retain(|set| set.aggregate_id != deadline.aggregate_id || set.name != deadline.name);
            let correlation_id = input.correlation_id.clone().unwrap_or_else(|| deadline.aggregate_id.clone());
            self.outcome.deadlines.push(Deadline {
                id: self.ids.next(self.now),
                aggregate_id: deadline.aggregate_id,
                name: deadline.name.to_owned(),
                due_at: deadline.due_at,
                correlation_id,
                trace: trace.clone(),
                attempts: 0,
                last_error: None,
                not_before: None,
            });
        }
        for intend in effects.intents {
            let correlation_id = input.correlation_id.clone().unwrap_or_else(|| intend.aggregate_id.clone());
            self.outcome.intents.push(Intent {
                id: self.ids.next(self.now),
                aggregate_id: intend.aggregate_id,
                step: intend.step.to_owned(),
                request: intend.request,
                correlation_id,
                causation_id: input.source.causation_id(),
                trace: trace.clone(),
                attempts: 0,
                intended_at: self.now,
            });
        }
        for Intend { aggregate_id, step, request } in effects.amended {
            // One that this very batch intended is not written yet.
            let same = |intent: &&mut Intent| intent.aggregate_id == aggregate_id && intent.step == step;
            match self.outcome.intents.iter_mut().find(same) {
                Some(intent) => intent.request = request,
                None => self.outcome.amended.push(AmendedIntent { aggregate_id, step: step.to_owned(), request }),
            }
        }
        effects.reply
    }

    fn refused(&mut self, input: &Input<P>, note: &Note, class: &'static str, refusal: Refusal) -> Verdict<P::Reply> {
        let failure = Failure { class, message: dead_letter::shortened(&refusal.to_string()) };
        match &input.source {
            Source::Arrival(event) => {
                let status = self.status_after(&refusal, 1);
                self.give_up(event, status, &failure, 1, self.now);
                let retry_in = self.policy.retry.wait(1, self.random());
                let overtakes = note.overtakes;
                self.hold(event, HoldAs { status, failure: Some(failure), retry_in, overtakes, early: false });
                Verdict::Held(status)
            }
            Source::Held(held) => {
                let attempts = self.attempts(held).saturating_add(u32::from(class != LOCKED));
                let status = match class {
                    LOCKED => HeldStatus::Retrying,
                    _ => self.status_after(&refusal, attempts),
                };
                // Its inbox row is inserted by this very transaction, if it had none.
                self.fail_again(held, status, failure, attempts, false);
                Verdict::Held(status)
            }
            // It stands where it was, postponed.
            Source::Deadline(_) | Source::Intent(_) if !note.runs() => Verdict::Refused(refusal),
            Source::Deadline(deadline) => {
                self.put_deadline_back(&note.deadline_now(deadline), &failure);
                Verdict::Refused(refusal)
            }
            Source::Intent(intent) => {
                let refused = self.postponing().intent(&note.intent_now(intent), &failure);
                self.outcome.refused_intents.push(refused);
                Verdict::Refused(refusal)
            }
            Source::Client => Verdict::Refused(refusal),
        }
    }

    fn postponing(&mut self) -> Postponing<'_> {
        Postponing { retry: self.policy.retry, now: self.now, ids: &mut *self.ids }
    }

    /// By the row under its lock: another try may have failed since the event was read.
    fn attempts(&self, held: &HeldEvent) -> u32 {
        self.held.get(&held.event.aggregate_id).map_or(held.attempts, |queue| queue.attempts(held.number))
    }

    /// Unless another input of this batch set it anew or settled it.
    fn put_deadline_back(&mut self, deadline: &Deadline, failure: &Failure) {
        let (aggregate_id, name) = (&deadline.aggregate_id, &deadline.name);
        let set = self.outcome.deadlines.iter().any(|set| set.aggregate_id == *aggregate_id && set.name == *name);
        let settled = self.outcome.settled.iter().any(|(of, settled)| of == aggregate_id && settled == name);
        if set || settled {
            return;
        }
        let postponed = self.postponing().deadline(deadline, failure);
        self.outcome.deadlines.push(postponed);
    }

    fn status_after(&self, refusal: &Refusal, attempts: u32) -> HeldStatus {
        match refusal {
            Refusal::Transient(_) if attempts < self.policy.retry.max_attempts => HeldStatus::Retrying,
            Refusal::Transient(_) | Refusal::Permanent(_) => HeldStatus::Parked,
        }
    }

    /// It waits behind a held event of its key.
    fn queue_up(&mut self, event: &Event, overtakes: bool) -> Verdict<P::Reply> {
        let status = HeldStatus::Queued;
        let retry_in = TimeDelta::zero();
        self.hold(event, HoldAs { status, failure: None, retry_in, overtakes, early: false });
        Verdict::Held(status)
    }

    /// It waits for its time, and its key behind it.
    fn hold_until(
        &mut self,
        event: &Event,
        at: DateTime<Utc>,
        failure: Failure,
        overtakes: bool,
        blocked: bool,
    ) -> Verdict<P::Reply> {
        let status = if blocked { HeldStatus::Queued } else { HeldStatus::Retrying };
        let retry_in = (at - self.now).max(TimeDelta::zero());
        self.hold(event, HoldAs { status, failure: Some(failure), retry_in, overtakes, early: true });
        Verdict::Held(status)
    }

    fn hold(&mut self, event: &Event, held_as: HoldAs) {
        let HoldAs { status, failure, retry_in, overtakes, early } = held_as;
        let compensation = self.newly_held.entry(event.aggregate_id.clone()).or_default();
        *compensation |= overtakes && status != HeldStatus::Parked;
        self.outcome.hold.push(HoldEvent {
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

    fn fail_again(&mut self, held: &HeldEvent, status: HeldStatus, failure: Failure, attempts: u32, early: bool) {
        // A parked event that is refused once more has its dead letter already.
        let queue = self.held.get(&held.event.aggregate_id);
        if queue.and_then(|queue| queue.status(held.number)) != Some(HeldStatus::Parked) {
            self.give_up(&held.event, status, &failure, attempts, held.first_failed_at.unwrap_or(self.now));
        }
        let random = self.random();
        let retry_in = match failure.class {
            LOCKED => self.policy.retry.wait_for_others(self.now - held.first_failed_at.unwrap_or(self.now), random),
            _ => self.policy.retry.wait(attempts, random),
        };
        let number = held.number;
        if let Some(queue) = self.held.get_mut(&held.event.aggregate_id) {
            queue.set_status(number, status);
        }
        let failed = HeldFailure { number, status, failure, attempts, retry_in, now: self.now, early };
        self.outcome.failed_again.push(failed);
    }

    fn give_up(
        &mut self,
        event: &Event,
        status: HeldStatus,
        failure: &Failure,
        count: u32,
        first_failed_at: DateTime<Utc>,
    ) {
        if status == HeldStatus::Parked {
            let attempts = Attempts { count, first_failed_at, last_failed_at: self.now };
            let limit = self.policy.max_message_bytes;
            self.outcome.messages.push(dead_letter::record(
                &event.delivery,
                self.participant.name(),
                failure,
                attempts,
                limit,
            ));
        }
    }

    fn let_go(&mut self, held: &HeldEvent) {
        if let Some(queue) = self.held.get_mut(&held.event.aggregate_id) {
            queue.remove(held.number);
        }
        self.outcome.let_go.push(held.number);
    }

    fn random(&mut self) -> u64 {
        random(self.ids, self.now)
    }
}

/// How an arrival is held.
struct HoldAs {
    status: HeldStatus,
    failure: Option<Failure>,
    retry_in: TimeDelta,
    overtakes: bool,
    early: bool,
}

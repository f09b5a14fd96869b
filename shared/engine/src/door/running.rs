//! The rules at work: one input after the other, each undone alone if it is refused.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
};

use chrono::{DateTime, Utc};
use opentelemetry::trace::SpanContext;

use super::{
    SetAside, ranges,
    told::{Told, created},
};
use crate::{
    crash_point::reached_of,
    dead_letter::{self, Attempts},
    effects::{Effects, SagaEnd},
    event_id::IdSource,
    input::{Event, Handled, HeldEvent, Input, Source, Verdict},
    outbox::{self, Origin},
    participant::{Participant, Refusal, What},
    policy::Policy,
    rows::Rows,
    store::{Deadline, Failure, HeldFailure, HeldStatus, HoldEvent, Intent, OutboxMessage},
    telemetry::spans::SagaSpan,
    trace::TraceContext,
};

/// What has to be written, and what to tell whom.
pub(super) struct Outcome<P: Participant> {
    pub verdicts: Vec<Option<Verdict<P::Reply>>>,
    pub messages: Vec<OutboxMessage>,
    pub records: Vec<P::Record>,
    pub deadlines: Vec<Deadline>,
    pub settled: Vec<(String, String)>,
    pub intents: Vec<Intent>,
    /// Their answers were refused: they stay open and are asked again later.
    pub refused_intents: Vec<Intent>,
    pub hold: Vec<HoldEvent>,
    pub failed_again: Vec<HeldFailure>,
    pub let_go: Vec<i64>,
    /// What is to be told of the inputs, and the spans of the facts.
    told: Vec<Told>,
    facts: Vec<SagaSpan>,
    /// Sagas that ended, as they did and after how many seconds.
    ended: Vec<(&'static str, f64)>,
}

impl<P: Participant> Outcome<P> {
    /// It is committed: tells it, and says what has to be done now.
    pub fn committed(self, range_count: i32) -> Handled<P::Reply> {
        self.facts.into_iter().for_each(SagaSpan::end);
        self.told.into_iter().for_each(Told::committed);
        for (outcome, seconds) in self.ended {
            metrics::histogram!("saga_duration_seconds", "outcome" => outcome).record(seconds);
        }
        Handled {
            ranges: ranges(&self.messages, range_count),
            verdicts: self.verdicts.into_iter().map(|verdict| verdict.unwrap_or(Verdict::Gone)).collect(),
            earliest_deadline: self.deadlines.iter().map(|deadline| deadline.due_at).min(),
            intents: self.intents,
        }
    }
}

pub(super) struct Running<'a, P: Participant> {
    participant: &'a P,
    policy: &'a Policy,
    now: DateTime<Utc>,
    held: HashMap<String, BTreeMap<i64, HeldStatus>>,
    /// Aggregates with an event held by this very batch, which has no number yet.
    newly_held: HashMap<String, ()>,
    rows: &'a mut Rows<P>,
    ids: &'a mut dyn IdSource,
    outcome: Outcome<P>,
    links: &'a [SpanContext],
}

/// What is known before the rules run.
pub(super) struct Beginning<'a> {
    pub held: HashMap<String, BTreeMap<i64, HeldStatus>>,
    /// Dead letters of messages that are no events.
    pub messages: Vec<OutboxMessage>,
    pub told: Vec<Told>,
    /// The batch's span.
    pub links: &'a [SpanContext],
}

impl<'a, P: Participant> Running<'a, P> {
    pub fn new(
        participant: &'a P,
        policy: &'a Policy,
        now: DateTime<Utc>,
        beginning: Beginning<'a>,
        rows: &'a mut Rows<P>,
        ids: &'a mut dyn IdSource,
    ) -> Self {
        let Beginning { held, messages, told, links } = beginning;
        let outcome = Outcome {
            verdicts: Vec::new(),
            messages,
            records: Vec::new(),
            deadlines: Vec::new(),
            settled: Vec::new(),
            intents: Vec::new(),
            refused_intents: Vec::new(),
            hold: Vec::new(),
            failed_again: Vec::new(),
            let_go: Vec::new(),
            told,
            facts: Vec::new(),
            ended: Vec::new(),
        };
        Self { participant, policy, now, held, newly_held: HashMap::new(), rows, ids, outcome, links }
    }

    pub fn finish(self, verdicts: Vec<Option<Verdict<P::Reply>>>) -> Outcome<P> {
        Outcome { verdicts, ..self.outcome }
    }

    pub fn take(&mut self, input: &Input<P>, set_aside: Option<&SetAside>) -> Verdict<P::Reply> {
        let compensation = self.overtakes(input);
        let mut span = Told::begin(input, compensation, self.links);
        let before = self.outcome.messages.len();
        let (verdict, class) = self.handle(input, compensation, set_aside, span.context());
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

    /// What becomes of the input, and the class of what went wrong.
    fn handle(
        &mut self,
        input: &Input<P>,
        overtakes: bool,
        set_aside: Option<&SetAside>,
        trace: &TraceContext,
    ) -> (Verdict<P::Reply>, &'static str) {
        if let Some(verdict) = self.wait_in_turn(input, overtakes) {
            return (verdict, "");
        }
        let applied = match set_aside {
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
            Err((class, refusal)) => (self.refused(input, class, refusal), class),
        }
    }

    fn overtakes(&self, input: &Input<P>) -> bool {
        matches!(&input.what, What::Event(event) if self.participant.overtakes(event))
    }

    /// Events of one key are handled in order: whoever comes behind a held one waits, but compensations overtake.
    fn wait_in_turn(&mut self, input: &Input<P>, overtakes: bool) -> Option<Verdict<P::Reply>> {
        match &input.source {
            Source::Arrival(event) if !overtakes && self.is_blocked(&event.aggregate_id) => {
                self.hold(event, HeldStatus::Queued, None);
                Some(Verdict::Held(HeldStatus::Queued))
            }
            Source::Held(held) => {
                let queue = self.held.get(&held.event.aggregate_id);
                let Some(status) = queue.and_then(|queue| queue.get(&held.number)) else { return Some(Verdict::Gone) };
                let first = queue.and_then(|queue| queue.keys().next()) == Some(&held.number);
                let parked = *status == HeldStatus::Parked && !held.redrive;
                (parked || !(first || overtakes)).then_some(Verdict::Gone)
            }
            _ => None,
        }
    }

    fn is_blocked(&self, aggregate_id: &str) -> bool {
        self.newly_held.contains_key(aggregate_id) || self.held.get(aggregate_id).is_some_and(|queue| !queue.is_empty())
    }

    fn apply(&mut self, input: &Input<P>, trace: &TraceContext) -> Result<Option<P::Reply>, (&'static str, Refusal)> {
        self.rows.begin_input();
        if let Some(event) = input.source.event() {
            reached_of("rules", &event.aggregate_id);
        }
        let decided = catch_unwind(AssertUnwindSafe(|| self.participant.decide(&input.what, self.rows, self.now)))
            .map_err(|panic| ("panic", Refusal::Permanent(format!("the rule panicked: {}", panic_text(&*panic)))))
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
                let origin = Origin { source: P::NAME, correlation_id, causation_id, trace: span.context() };
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
        effects.reply
    }

    fn refused(&mut self, input: &Input<P>, class: &'static str, refusal: Refusal) -> Verdict<P::Reply> {
        let failure = |refusal: &Refusal| Failure { class, message: dead_letter::shortened(&refusal.to_string()) };
        match &input.source {
            Source::Arrival(event) => {
                let status = self.status_after(&refusal, 1);
                self.give_up(event, status, &failure(&refusal), 1, self.now);
                self.hold(event, status, Some(failure(&refusal)));
                Verdict::Held(status)
            }
            Source::Held(held) => {
                let attempts = held.attempts.saturating_add(1);
                let status = self.status_after(&refusal, attempts);
                self.fail_again(held, status, failure(&refusal), attempts);
                Verdict::Held(status)
            }
            Source::Deadline(deadline) => {
                let due_at = self.now + self.policy.retry.cap;
                self.outcome.deadlines.push(Deadline { due_at, ..deadline.clone() });
                Verdict::Refused(refusal)
            }
            Source::Intent(intent) => {
                self.outcome.refused_intents.push(intent.clone());
                Verdict::Refused(refusal)
            }
            Source::Client => Verdict::Refused(refusal),
        }
    }

    fn status_after(&self, refusal: &Refusal, attempts: u32) -> HeldStatus {
        match refusal {
            Refusal::Transient(_) if attempts < self.policy.retry.max_attempts => HeldStatus::Retrying,
            Refusal::Transient(_) | Refusal::Permanent(_) => HeldStatus::Parked,
        }
    }

    fn hold(&mut self, event: &Event, status: HeldStatus, failure: Option<Failure>) {
        self.newly_held.insert(event.aggregate_id.clone(), ());
        let random = self.random();
        self.outcome.hold.push(HoldEvent {
            key: event.aggregate_id.clone(),
            event_id: event.id,
            event_type: event.event_type.clone(),
            status,
            delivery: event.delivery.clone(),
            failure,
            retry_in: self.policy.retry.wait(1, random),
            now: self.now,
        });
    }

    fn fail_again(&mut self, held: &HeldEvent, status: HeldStatus, failure: Failure, attempts: u32) {
        // A redriven event that is refused once more has its dead letter already.
        if !held.redrive {
            self.give_up(&held.event, status, &failure, attempts, held.first_failed_at.unwrap_or(self.now));
        }
        let retry_in = self.policy.retry.wait(attempts, self.random());
        let number = held.number;
        self.outcome.failed_again.push(HeldFailure { number, status, failure, attempts, retry_in, now: self.now });
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
            self.outcome.messages.push(dead_letter::record(&event.delivery, P::NAME, failure, attempts));
        }
    }

    fn let_go(&mut self, held: &HeldEvent) {
        if let Some(queue) = self.held.get_mut(&held.event.aggregate_id) {
            queue.remove(&held.number);
        }
        self.outcome.let_go.push(held.number);
    }

    /// Any randomness comes from the id source, so that a seeded run replays exactly.
    fn random(&mut self) -> u64 {
        self.ids.next(self.now).as_u64_pair().1 & (u64::MAX >> 2)
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

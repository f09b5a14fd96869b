//! The batch in memory: which inputs are still open, and what the database said about it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use opentelemetry::trace::SpanContext;
use uuid::Uuid;

use super::{
    Manner, SetAside,
    conflicts::Known,
    execution::Running,
    note::{Early, Note},
    outcome::Outcome,
    queue::Queue,
    reporting::Report,
    touched_rows::Touched,
};
use crate::{
    dead_letter::{self, Attempts},
    delivery::Delivery,
    event_id::{EventIdError, IdSource, Window},
    input::{Inbound, Input, Origin, Verdict},
    panics::caught,
    participant::Participant,
    policy::Policy,
    rows::Rows,
    store::{DeadMessage, Deferred, DeferredStatus, Failure},
};

pub(super) struct Batch<'a, P: Participant> {
    participant: &'a P,
    inbound: &'a [Inbound<P>],
    pub now: DateTime<Utc>,
    /// What is settled already, by index of the input.
    verdicts: Vec<Option<Verdict<P::Reply>>>,
    /// What is known of open inputs, by index of the input.
    notes: Vec<Note>,
    dead: Vec<DeadMessage>,
    /// Deferred events that had their effect when they came a second time.
    released: Vec<i64>,
    /// The batch's own span, to which those of its inputs link.
    links: Vec<SpanContext>,
    pub waiting: Waiting,
    /// An input that needs a locked row is left as it is.
    leaves: bool,
}

/// What is deferred.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Per aggregate, its deferred events, which are locked.
    pub queues: HashMap<String, Queue>,
    /// The other aggregates that have a deferred event, as it was seen without a lock.
    pub deferred: HashSet<String>,
    /// And those that have a deferred compensation that is not parked.
    pub overtaking: HashSet<String>,
}

impl<'a, P: Participant> Batch<'a, P> {
    pub fn new(
        participant: &'a P,
        inbound: &'a [Inbound<P>],
        now: DateTime<Utc>,
        links: Vec<SpanContext>,
        manner: Manner<'_>,
    ) -> Self {
        Self {
            participant,
            inbound,
            now,
            verdicts: inbound.iter().map(|_| None).collect(),
            notes: inbound.iter().map(|inbound| Note::of(inbound, manner)).collect(),
            dead: Vec::new(),
            released: Vec::new(),
            links,
            waiting: Waiting::default(),
            leaves: manner.leaves,
        }
    }

    /// Sorts out inputs that need no rows: dead or ignored ones, repeats, and those that were lost at an earlier try.
    pub fn look_at_all(&mut self, window: Window, known: &Known) {
        let mut seen = HashSet::new();
        for (index, inbound) in self.inbound.iter().enumerate() {
            match inbound {
                Inbound::Input(input) => self.look_at(index, input, window, known, &mut seen),
                Inbound::Dead(delivery, failure) => self.set_dead_apart(index, delivery, failure.clone()),
                Inbound::Ignored(_) => self.verdicts[index] = Some(Verdict::Ignored),
                Inbound::Stuck(..) | Inbound::Unread(_) => {}
            }
        }
    }

    fn look_at(&mut self, index: usize, input: &Input<P>, window: Window, known: &Known, seen: &mut HashSet<Uuid>) {
        let note = &mut self.notes[index];
        note.look_at(self.participant, input);
        match &input.origin {
            Origin::Arrival(event) => {
                if let Err(error) = window.check(event.id, self.now) {
                    let Some(until) = error.acceptable_at(window, self.now) else {
                        let failure = Failure { class: "event-id", message: error.to_string() };
                        return self.set_dead_apart(index, &event.delivery, failure);
                    };
                    note.early = Some(Early { until, why: error.to_string() });
                }
                if known.repeats.contains(&event.id) || !seen.insert(event.id) {
                    self.verdicts[index] = Some(Verdict::Repeat);
                }
            }
            Origin::Deferred(deferred) if deferred.early => match window.check(deferred.event.id, self.now) {
                Ok(()) => note.known = known.repeats.contains(&deferred.event.id),
                Err(EventIdError::FromTheFuture { .. }) => {
                    self.verdicts[index] = Some(Verdict::Deferred(DeferredStatus::Retrying));
                }
                Err(EventIdError::TooOld { .. } | EventIdError::NotVersion7(_)) => note.too_old = true,
            },
            // Each once, however often the batch has it.
            Origin::Deadline(_) | Origin::Call(_) => {
                let row = input.origin.row().filter(|id| !known.settled.contains(id) && seen.insert(*id));
                if row.is_none() {
                    self.verdicts[index] = Some(Verdict::Gone);
                }
            }
            Origin::Deferred(_) | Origin::Client => {}
        }
    }

    fn set_dead_apart(&mut self, index: usize, delivery: &Delivery, failure: Failure) {
        self.dead.push(DeadMessage { delivery: delivery.clone(), failure, now: self.now });
        self.verdicts[index] = Some(Verdict::Dead);
    }

    /// The aggregates whose deferred events are to be locked: one of them is to be handled.
    pub fn queues(&self) -> Vec<String> {
        sorted(self.inbound.iter().enumerate().filter_map(|(index, inbound)| match inbound {
            _ if self.verdicts[index].is_some() => None,
            Inbound::Stuck(deferred, _) => Some(deferred.event.aggregate_id.clone()),
            Inbound::Input(Input { origin: Origin::Deferred(deferred), .. }) => {
                Some(deferred.event.aggregate_id.clone())
            }
            _ => None,
        }))
    }

    /// The aggregates of events that came from Kafka.
    pub fn arrivals(&self) -> Vec<String> {
        sorted(self.open().filter_map(|(_, input)| match &input.origin {
            Origin::Arrival(event) => Some(event.aggregate_id.clone()),
            _ => None,
        }))
    }

    /// Whether an open input names rows of this table.
    pub fn names(&self, table: P::Table) -> bool {
        let runs = |(index, input): (usize, &Input<P>)| {
            self.notes[index].runs() && self.participant.names(table, &input.trigger)
        };
        self.open().any(runs)
    }

    /// Whether the rows of this table can be named only once those of the tables before are read.
    pub fn names_by_rows(&self, table: P::Table) -> bool {
        self.open().any(|(index, input)| {
            self.notes[index].runs()
                && self.participant.names(table, &input.trigger)
                && self.participant.names_by_rows(table, &input.trigger)
        })
    }

    /// The rows of `table` that the open inputs touch; one whose rules panic over it is set aside.
    pub fn touches(&mut self, table: P::Table, rows: &Rows<P>) -> Touched {
        let mut touched = Touched::default();
        for (index, input) in self.open().collect::<Vec<_>>() {
            if !self.notes[index].runs() {
                continue;
            }
            let (participant, touches) = (self.participant, touched.begin());
            if let Err(panic) = caught(|| participant.touches(table, &input.trigger, rows, touches)) {
                touched.forget();
                self.notes[index].set_aside = Some(SetAside::panicked("naming its rows", &panic));
            } else {
                touched.end(index);
            }
        }
        touched
    }

    /// Other transactions have these rows locked: an input that touches one of them steps aside, or is left.
    pub fn step_aside(&mut self, table: P::Table, touched: &Touched, locked: &[String]) {
        for (index, key) in touched.touching(locked) {
            if self.leaves {
                self.notes[index].left = true;
                continue;
            }
            let why = format!("the {table:?} row {key} is locked by another session");
            self.notes[index].set_aside.get_or_insert_with(|| SetAside::locked(why));
        }
    }

    /// The deferred events of these aggregates, which are locked now.
    pub fn found_deferred(&mut self, keys: Vec<String>, deferred: &[Deferred]) {
        self.waiting.queues.extend(keys.into_iter().map(|key| (key, Queue::default())));
        for row in deferred {
            self.waiting.queues.entry(row.key.clone()).or_default().add(row);
        }
        for (index, input) in self.open().collect::<Vec<_>>() {
            // One that came again in its time has its inbox row from then, and no effect yet: it is early no more.
            if let Origin::Deferred(deferred) = &input.origin
                && self.notes[index].known
                && self
                    .waiting
                    .queues
                    .get(&deferred.event.aggregate_id)
                    .is_some_and(|queue| queue.is_early(deferred.number))
            {
                self.released.push(deferred.number);
                self.verdicts[index] = Some(Verdict::Repeat);
            }
        }
    }

    /// Aggregates of arrivals that have a deferred event, and those that have a deferred compensation.
    pub fn found_waiting(&mut self, deferred: HashSet<String>, overtaking: HashSet<String>) {
        self.waiting.deferred.extend(deferred);
        self.waiting.overtaking.extend(overtaking);
    }

    /// Runs the rules, input by input, on the locked rows.
    pub fn run(mut self, policy: &Policy, rows: &mut Rows<P>, known: &Known, ids: &mut dyn IdSource) -> Outcome<P> {
        let mut outcome = Outcome::linked(std::mem::take(&mut self.links));
        outcome.writing.deferred.released = std::mem::take(&mut self.released);
        self.dead_letter(policy.max_message_bytes, known, &mut outcome);
        let open: Vec<usize> = (0..self.inbound.len()).filter(|index| self.verdicts[*index].is_none()).collect();
        let waiting = std::mem::take(&mut self.waiting);
        let mut running = Running::new(self.participant, policy, self.now, waiting, rows, ids, outcome);
        let mut left = HashSet::new();
        for index in open {
            if is_left(&self.inbound[index], &self.notes[index], &mut left) {
                continue;
            }
            self.verdicts[index] = match &self.inbound[index] {
                Inbound::Input(input) => Some(running.take(input, &self.notes[index])),
                Inbound::Stuck(deferred, failure) => Some(running.take_stuck(deferred, failure)),
                _ => Some(Verdict::Gone),
            };
        }
        running.finish(self.verdicts)
    }

    /// Each dead message is kept and dead-lettered once, however often it is read.
    fn dead_letter(&mut self, max_bytes: usize, known: &Known, outcome: &mut Outcome<P>) {
        let mut dead = std::mem::take(&mut self.dead);
        dead.retain(|message| !known.kept.contains(&message.delivery.position));
        dead.sort_by(|one, other| one.delivery.position.cmp(&other.delivery.position));
        dead.dedup_by(|one, other| one.delivery.position == other.delivery.position);
        let attempts = Attempts { count: 1, first_failed_at: self.now, last_failed_at: self.now };
        let service = self.participant.name();
        for DeadMessage { delivery, failure, .. } in &dead {
            let letter = dead_letter::record(delivery, service, failure, attempts, max_bytes);
            outcome.writing.messages.push(letter);
            outcome.reports.push(Report::dead_lettered(service, delivery, failure.class, &outcome.links));
        }
        outcome.writing.dead = dead;
    }

    fn open(&self) -> impl Iterator<Item = (usize, &'a Input<P>)> + '_ {
        let inbound: &'a [Inbound<P>] = self.inbound;
        inbound.iter().enumerate().filter_map(|(index, inbound)| match inbound {
            Inbound::Input(input) if self.verdicts[index].is_none() => Some((index, input)),
            _ => None,
        })
    }
}

/// Events, answers and deadlines of an aggregate keep their order, so all that come behind one that is left are left as well.
fn is_left<'a, P: Participant>(inbound: &'a Inbound<P>, note: &Note, left: &mut HashSet<&'a str>) -> bool {
    let aggregate = inbound.aggregate_id();
    let is_left = note.left || aggregate.is_some_and(|aggregate| left.contains(aggregate));
    if is_left {
        left.extend(aggregate);
    }
    is_left
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<T>>().into_iter().collect()
}

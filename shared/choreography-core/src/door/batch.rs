//! The batch in memory: which work is still open, and what the database said about it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use opentelemetry::trace::SpanContext;
use uuid::Uuid;

use super::{
    SetAside,
    note::{Note, Wait},
    outcome::Outcome,
    postponing::{Postponing, Taken, ToPostpone, ToTake},
    queue::Queue,
    running::{Beginning, Running},
    told::Told,
    touched::Touched,
};
use crate::{
    dead_letter::{self, Attempts},
    delivery::{Delivery, Position},
    event_id::{IdSource, UnacceptableId, Window},
    input::{Input, Source, Verdict, Work},
    panics::caught,
    participant::Participant,
    policy::Policy,
    rows::Rows,
    store::{DeadMessage, Deadline, Failure, Held, HeldStatus, Intent, Opening},
};

pub(super) struct Batch<'a, P: Participant> {
    participant: &'a P,
    work: &'a [Work<P>],
    pub now: DateTime<Utc>,
    opening: Opening,
    /// What is settled already, by index of the work.
    verdicts: Vec<Option<Verdict<P::Reply>>>,
    /// What is known of open inputs, by index of the work.
    notes: Vec<Note>,
    dead: Vec<DeadMessage>,
    newly_buried: HashSet<Position>,
    /// Held events that had their effect when they came a second time.
    let_go: Vec<i64>,
    /// The batch's own span, to which those of its inputs link.
    links: Vec<SpanContext>,
    /// Per aggregate that was looked at under its lock, its held events.
    held: HashMap<String, Queue>,
}

impl<'a, P: Participant> Batch<'a, P> {
    /// `set_aside`: why none of the inputs' rules are to be run.
    pub fn new(
        participant: &'a P,
        work: &'a [Work<P>],
        opening: Opening,
        window: Window,
        links: Vec<SpanContext>,
        set_aside: Option<&SetAside>,
    ) -> Self {
        let mut batch = Self {
            participant,
            work,
            now: opening.now,
            opening,
            verdicts: work.iter().map(|_| None).collect(),
            notes: work.iter().map(|_| Note { set_aside: set_aside.cloned(), ..Note::default() }).collect(),
            dead: Vec::new(),
            newly_buried: HashSet::new(),
            let_go: Vec::new(),
            links,
            held: HashMap::new(),
        };
        for (index, work) in work.iter().enumerate() {
            batch.look_at(index, work, window);
        }
        batch
    }

    fn look_at(&mut self, index: usize, work: &Work<P>, window: Window) {
        let input = match work {
            Work::Input(input) => input,
            Work::Dead(delivery, failure) => return self.set_dead_apart(index, delivery, failure.clone()),
            Work::Ignored(_) => return self.verdicts[index] = Some(Verdict::Ignored),
            Work::Stuck(..) | Work::Unread(_) => return,
        };
        self.notes[index].look_at(self.participant, input);
        match &input.source {
            Source::Arrival(event) => match window.check(event.id, self.now) {
                Ok(()) => {}
                Err(error) => match error.acceptable_at(window, self.now) {
                    Some(at) => self.notes[index].wait = Some(Wait::Until(at, error.to_string())),
                    None => {
                        let failure = Failure { class: "event-id", message: error.to_string() };
                        return self.set_dead_apart(index, &event.delivery, failure);
                    }
                },
            },
            Source::Held(held) if held.early => match window.check(held.event.id, self.now) {
                Ok(()) => {}
                Err(UnacceptableId::FromTheFuture { .. }) => {
                    self.verdicts[index] = Some(Verdict::Held(HeldStatus::Retrying));
                }
                Err(UnacceptableId::TooOld { .. } | UnacceptableId::NotVersion7(_)) => self.notes[index].too_old = true,
            },
            _ => {}
        }
        if let (Source::Arrival(event), None) = (&input.source, &self.notes[index].wait) {
            let blocks = if self.notes[index].overtakes { &self.opening.overtaking } else { &self.opening.held };
            if blocks.contains(&event.aggregate_id) {
                self.notes[index].wait = Some(Wait::Behind);
            }
        }
    }

    fn set_dead_apart(&mut self, index: usize, delivery: &Delivery, failure: Failure) {
        self.dead.push(DeadMessage { delivery: delivery.clone(), failure, now: self.now });
        self.verdicts[index] = Some(Verdict::Dead);
    }

    /// The ids to insert into the inbox, sorted.
    pub fn new_to_inbox(&self) -> Vec<Uuid> {
        sorted(self.open().filter_map(|(index, input)| self.inbox_id(index, input)))
    }

    /// What waits for its time has no inbox row before it.
    fn inbox_id(&self, index: usize, input: &Input<P>) -> Option<Uuid> {
        match (&input.source, &self.notes[index].wait) {
            (Source::Arrival(_), Some(Wait::Until(..))) => None,
            (Source::Arrival(event), _) => Some(event.id),
            (Source::Held(held), _) if held.early && !self.notes[index].too_old => Some(held.event.id),
            _ => None,
        }
    }

    /// The ids of arrivals whose time has not come, sorted.
    pub fn arrived_early(&self) -> Vec<Uuid> {
        sorted(self.open().filter_map(|(index, input)| match (&input.source, &self.notes[index].wait) {
            (Source::Arrival(event), Some(Wait::Until(..))) => Some(event.id),
            _ => None,
        }))
    }

    /// Those in the inbox had their effect by a clock that went ahead, or an operator discarded them.
    pub fn drop_known(&mut self, known: &HashSet<Uuid>) {
        for (index, input) in self.open().collect::<Vec<_>>() {
            if matches!(&input.source, Source::Arrival(event) if known.contains(&event.id)) {
                self.verdicts[index] = Some(Verdict::Repeat);
            }
        }
    }

    /// Keeps the first of each new id; everything else had its effect before. Of a held event that is only sure once its
    /// row is locked.
    pub fn drop_repeats(&mut self, new: &HashSet<Uuid>) {
        let mut seen = HashSet::new();
        for (index, input) in self.open().collect::<Vec<_>>() {
            let known = self.inbox_id(index, input).is_some_and(|id| !new.contains(&id));
            match &input.source {
                Source::Arrival(event) if known || !seen.insert(event.id) => {
                    self.verdicts[index] = Some(Verdict::Repeat);
                }
                Source::Held(_) => self.notes[index].known = known,
                _ => {}
            }
        }
    }

    /// Messages to bury, sorted by position and without repeats.
    pub fn dead_messages(&mut self) -> &[DeadMessage] {
        self.dead.sort_by(|one, other| one.delivery.position.cmp(&other.delivery.position));
        self.dead.dedup_by(|one, other| one.delivery.position == other.delivery.position);
        &self.dead
    }

    /// Each message is dead-lettered once, however often it is read.
    pub fn buried(&mut self, newly_buried: HashSet<Position>) {
        self.newly_buried = newly_buried;
    }

    /// The rows of `table` that the open inputs touch; one whose rules panic over it is set aside.
    pub fn touches(&mut self, table: P::Table, rows: &Rows<P>) -> Touched {
        let mut touched = Touched::default();
        for (index, input) in self.open().collect::<Vec<_>>() {
            if !self.notes[index].runs() {
                continue;
            }
            let (participant, touches) = (self.participant, touched.begin());
            if let Err(panic) = caught(|| participant.touches(table, &input.what, rows, touches)) {
                touched.forget();
                self.notes[index].set_aside = Some(SetAside::panicked("naming its rows", &panic));
            } else {
                touched.end(index);
            }
        }
        touched
    }

    /// Others have these rows locked: whoever touches one of them steps aside.
    pub fn step_aside(&mut self, table: P::Table, touched: &Touched, locked: &[String]) {
        for (index, key) in touched.touching(locked) {
            let why = format!("the {table:?} row {key} is locked by another session");
            self.notes[index].set_aside.get_or_insert_with(|| SetAside::locked(why));
        }
    }

    /// The aggregates whose held events have to be looked at under a lock. An arrival that is set aside by itself
    /// needs none: what is known without it says whether it queues.
    pub fn aggregates_to_lock(&self, rules_run: bool) -> Vec<String> {
        sorted(self.work.iter().enumerate().filter_map(|(index, work)| match work {
            _ if self.verdicts[index].is_some() => None,
            Work::Stuck(held, _) => Some(held.event.aggregate_id.clone()),
            Work::Input(Input { source: Source::Held(held), .. }) => Some(held.event.aggregate_id.clone()),
            Work::Input(Input { source: Source::Arrival(event), .. })
                if rules_run && self.notes[index].wait.is_none() =>
            {
                Some(event.aggregate_id.clone())
            }
            _ => None,
        }))
    }

    pub fn found_held(&mut self, keys: Vec<String>, held: &[Held]) {
        self.held.extend(keys.into_iter().map(|key| (key, Queue::default())));
        for row in held {
            self.held.entry(row.key.clone()).or_default().add(row);
        }
        for (index, input) in self.open().collect::<Vec<_>>() {
            // One that came again in its time has its inbox row from then, and no effect yet: it is early no more.
            if let Source::Held(held) = &input.source
                && self.notes[index].known
                && self.held.get(&held.event.aggregate_id).is_some_and(|queue| queue.is_early(held.number))
            {
                self.let_go.push(held.number);
                self.verdicts[index] = Some(Verdict::Repeat);
            }
        }
    }

    /// Deadlines and external calls to take: their rules run.
    pub fn to_take(&self) -> ToTake {
        let open = || self.open().filter(|(index, _)| self.notes[*index].runs());
        ToTake {
            deadlines: sorted(open().filter_map(|(_, input)| input.source.deadline().map(|deadline| deadline.id))),
            intents: sorted(open().filter_map(|(_, input)| input.source.intent().map(|intent| intent.id))),
        }
    }

    /// Deadlines and external calls that are set aside: their aggregates are not locked.
    pub fn to_postpone(&self, postponing: &mut Postponing<'_>) -> ToPostpone {
        let mut rows = ToPostpone::default();
        for (index, input) in self.open() {
            let Some(SetAside { class, refusal }) = &self.notes[index].set_aside else { continue };
            let failure = Failure { class, message: dead_letter::shortened(&refusal.to_string()) };
            match &input.source {
                Source::Deadline(deadline) => rows.deadlines.push(postponing.deadline(deadline, &failure)),
                Source::Intent(intent) => rows.intents.push(postponing.intent(intent, &failure)),
                _ => {}
            }
        }
        rows
    }

    /// `taken`: of the deadlines and external calls that were taken or postponed, the ones that were still there.
    pub fn drop_settled(&mut self, mut taken: Taken) {
        for (index, input) in self.open().collect::<Vec<_>>() {
            let note = &mut self.notes[index];
            // Each once, however often the batch has it.
            let found = match (&input.source, note.runs()) {
                (Source::Deadline(deadline), true) => {
                    note.refused = taken.deadlines.remove(&deadline.id);
                    note.refused.is_some()
                }
                (Source::Intent(intent), true) => {
                    note.intent = taken.intents.remove(&intent.id);
                    note.intent.is_some()
                }
                (Source::Deadline(Deadline { id, .. }) | Source::Intent(Intent { id, .. }), false) => {
                    taken.postponed.remove(id)
                }
                _ => continue,
            };
            if !found {
                self.verdicts[index] = Some(Verdict::Gone);
            }
        }
    }

    /// Runs the rules, input by input, on the locked rows.
    pub fn run(mut self, policy: &Policy, rows: &mut Rows<P>, ids: &mut dyn IdSource) -> Outcome<P> {
        let beginning = self.beginning(policy.max_message_bytes);
        let open: Vec<usize> = (0..self.work.len()).filter(|index| self.verdicts[*index].is_none()).collect();
        let mut running = Running::new(self.participant, policy, self.now, beginning, rows, ids);
        for index in open {
            self.verdicts[index] = match &self.work[index] {
                Work::Input(input) => Some(running.take(input, &self.notes[index])),
                Work::Stuck(held, failure) => Some(running.take_stuck(held, failure)),
                _ => None,
            };
        }
        running.finish(self.verdicts)
    }

    fn beginning(&mut self, max_bytes: usize) -> Beginning {
        let mut beginning = Beginning {
            held: std::mem::take(&mut self.held),
            opening: std::mem::take(&mut self.opening),
            let_go: std::mem::take(&mut self.let_go),
            messages: Vec::new(),
            told: Vec::new(),
            links: self.links.clone(),
        };
        let attempts = Attempts { count: 1, first_failed_at: self.now, last_failed_at: self.now };
        for dead in &self.dead {
            if self.newly_buried.contains(&dead.delivery.position) {
                let DeadMessage { delivery, failure, .. } = dead;
                beginning.messages.push(dead_letter::record(
                    delivery,
                    self.participant.name(),
                    failure,
                    attempts,
                    max_bytes,
                ));
                beginning.told.push(Told::buried(
                    self.participant.name(),
                    &dead.delivery,
                    dead.failure.class,
                    &self.links,
                ));
            }
        }
        beginning
    }

    fn open(&self) -> impl Iterator<Item = (usize, &'a Input<P>)> + '_ {
        let work: &'a [Work<P>] = self.work;
        work.iter().enumerate().filter_map(|(index, work)| match work {
            Work::Input(input) if self.verdicts[index].is_none() => Some((index, input)),
            _ => None,
        })
    }
}

/// The aggregates of events that came from Kafka, sorted.
pub(super) fn aggregates_of_arrivals<P: Participant>(work: &[Work<P>]) -> Vec<String> {
    sorted(work.iter().filter_map(|work| match work {
        Work::Input(Input { source: Source::Arrival(event), .. }) => Some(event.aggregate_id.clone()),
        _ => None,
    }))
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<T>>().into_iter().collect()
}

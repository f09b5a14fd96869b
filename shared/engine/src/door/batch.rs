//! The batch in memory: which work is still open, and what the database said about it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use opentelemetry::trace::SpanContext;
use uuid::Uuid;

use super::{
    SetAside,
    running::{Beginning, Outcome, Running},
    told::Told,
};
use crate::{
    dead_letter::{self, Attempts},
    delivery::Position,
    event_id::{IdSource, Window},
    input::{Input, Source, Verdict, Work},
    participant::{Participant, What},
    policy::Policy,
    rows::Rows,
    store::{DeadMessage, Failure, Held, HeldStatus, OutboxMessage},
};

pub(super) struct Batch<'a, P: Participant> {
    work: &'a [Work<P>],
    pub now: DateTime<Utc>,
    /// What is settled already, by index of the work.
    pub verdicts: Vec<Option<Verdict<P::Reply>>>,
    dead: Vec<DeadMessage>,
    pub dead_letters: Vec<OutboxMessage>,
    /// The batch's own span, to which those of its inputs link.
    links: Vec<SpanContext>,
    told: Vec<Told>,
    /// Per aggregate, its held events by number.
    pub held: HashMap<String, BTreeMap<i64, HeldStatus>>,
}

impl<'a, P: Participant> Batch<'a, P> {
    pub fn new(work: &'a [Work<P>], now: DateTime<Utc>, window: Window, links: Vec<SpanContext>) -> Self {
        let mut batch = Self {
            work,
            now,
            verdicts: work.iter().map(|_| None).collect(),
            dead: Vec::new(),
            dead_letters: Vec::new(),
            links,
            told: Vec::new(),
            held: HashMap::new(),
        };
        batch.set_dead_apart(window);
        batch
    }

    fn set_dead_apart(&mut self, window: Window) {
        for (index, work) in self.work.iter().enumerate() {
            let (delivery, failure) = match work {
                Work::Dead(delivery, failure) => (delivery, failure.clone()),
                Work::Input(Input { source: Source::Arrival(event), .. }) => match window.check(event.id, self.now) {
                    Ok(()) => continue,
                    Err(error) => (&event.delivery, Failure { class: "event-id", message: error.to_string() }),
                },
                Work::Input(_) => continue,
            };
            self.dead.push(DeadMessage { delivery: delivery.clone(), failure, now: self.now });
            self.verdicts[index] = Some(Verdict::Dead);
        }
    }

    /// The ids to insert into the inbox, sorted.
    pub fn arrivals(&self) -> Vec<Uuid> {
        sorted(self.open().filter_map(|(_, input)| match &input.source {
            Source::Arrival(event) => Some(event.id),
            _ => None,
        }))
    }

    /// Keeps the first of each new id; everything else had its effect before.
    pub fn drop_repeats(&mut self, new: &HashSet<Uuid>) {
        let mut seen = HashSet::new();
        self.settle(|input| match &input.source {
            Source::Arrival(event) if !new.contains(&event.id) || !seen.insert(event.id) => Some(Verdict::Repeat),
            _ => None,
        });
    }

    /// Messages to bury, sorted by position.
    pub fn dead_messages(&self) -> Vec<DeadMessage> {
        let by_position: BTreeMap<&Position, &DeadMessage> =
            self.dead.iter().map(|dead| (&dead.delivery.position, dead)).collect();
        by_position.into_values().cloned().collect()
    }

    /// Each message is dead-lettered once, however often it is read.
    pub fn dead_letter(&mut self, consumer_group: &str, newly_buried: &HashSet<Position>) {
        let attempts = Attempts { count: 1, first_failed_at: self.now, last_failed_at: self.now };
        for dead in self.dead_messages() {
            if newly_buried.contains(&dead.delivery.position) {
                self.dead_letters.push(dead_letter::record(&dead.delivery, consumer_group, &dead.failure, attempts));
                self.told.push(Told::buried::<P>(&dead.delivery, dead.failure.class, &self.links));
            }
        }
    }

    pub fn open_inputs(&self) -> impl Iterator<Item = &'a What<P>> + '_ {
        self.open().map(|(_, input)| &input.what)
    }

    pub fn aggregates_of_events(&self) -> Vec<String> {
        sorted(self.open().filter_map(|(_, input)| input.source.event().map(|event| event.aggregate_id.clone())))
    }

    pub fn found_held(&mut self, held: Vec<Held>) {
        for row in held {
            self.held.entry(row.key).or_default().insert(row.number, row.status);
        }
    }

    pub fn deadlines(&self) -> Vec<Uuid> {
        sorted(self.open().filter_map(|(_, input)| match &input.source {
            Source::Deadline(deadline) => Some(deadline.id),
            _ => None,
        }))
    }

    pub fn intents(&self) -> Vec<Uuid> {
        sorted(self.open().filter_map(|(_, input)| match &input.source {
            Source::Intent(intent) => Some(intent.id),
            _ => None,
        }))
    }

    pub fn drop_settled_deadlines(&mut self, taken: &HashSet<Uuid>) {
        let mut seen = HashSet::new();
        self.settle(|input| match &input.source {
            Source::Deadline(row) if !taken.contains(&row.id) || !seen.insert(row.id) => Some(Verdict::Gone),
            _ => None,
        });
    }

    pub fn drop_settled_intents(&mut self, taken: &HashSet<Uuid>) {
        let mut seen = HashSet::new();
        self.settle(|input| match &input.source {
            Source::Intent(row) if !taken.contains(&row.id) || !seen.insert(row.id) => Some(Verdict::Gone),
            _ => None,
        });
    }

    /// Runs the rules, input by input, on the locked rows.
    pub fn run(
        mut self,
        participant: &P,
        policy: &Policy,
        rows: &mut Rows<P>,
        ids: &mut dyn IdSource,
        refusal: Option<&SetAside>,
    ) -> Outcome<P> {
        let open: Vec<(usize, &'a Input<P>)> = self.open().collect();
        let messages = std::mem::take(&mut self.dead_letters);
        let held = std::mem::take(&mut self.held);
        let told = std::mem::take(&mut self.told);
        let mut running = Running::new(
            participant,
            policy,
            self.now,
            Beginning { held, messages, told, links: &self.links },
            rows,
            ids,
        );
        for (index, input) in open {
            self.verdicts[index] = Some(running.take(input, refusal));
        }
        let verdicts = std::mem::take(&mut self.verdicts);
        running.finish(verdicts)
    }

    fn open(&self) -> impl Iterator<Item = (usize, &'a Input<P>)> + '_ {
        let work: &'a [Work<P>] = self.work;
        work.iter().enumerate().filter_map(|(index, work)| match work {
            Work::Input(input) if self.verdicts[index].is_none() => Some((index, input)),
            _ => None,
        })
    }

    fn settle(&mut self, mut verdict: impl FnMut(&Input<P>) -> Option<Verdict<P::Reply>>) {
        let settled: Vec<_> =
            self.open().filter_map(|(index, input)| verdict(input).map(|verdict| (index, verdict))).collect();
        for (index, verdict) in settled {
            self.verdicts[index] = Some(verdict);
        }
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<T>>().into_iter().collect()
}

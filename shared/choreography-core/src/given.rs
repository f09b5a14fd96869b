//! Given, when, then: tests of rules through the service's real routes, without any I/O.
//!
//! Only the rows that the routes name are there for a rule, as in production: one that reaches for another fails.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};

use crate::{
    Answer, AnyRecord, AnyRow, Call, Command, Event, Record, Refusal, Row,
    effects::{Effects, NewCall, NewEvent, SetDeadline},
    memory::Remembering,
    participant::Trigger,
    routes::{AnyCommand, AnyEvent, Routed, Service, TableId},
};

/// A service and what it remembers.
pub struct Given<S> {
    remembering: Remembering,
    /// The database's clock; at first 1970.
    pub now: DateTime<Utc>,
    service: PhantomData<S>,
}

impl<S: Service> Given<S> {
    /// A service that knows nothing yet.
    ///
    /// # Panics
    /// If its routes contradict each other.
    pub fn nothing(service: S) -> Self {
        Self { remembering: Remembering::nothing(service), now: DateTime::UNIX_EPOCH, service: PhantomData }
    }

    /// A row that is there.
    #[must_use]
    pub fn row<R: Row>(mut self, key: impl ToString, row: R) -> Self {
        self.remembering.rows.load(TableId(R::TABLE), key.to_string(), AnyRow::new(row));
        self
    }

    /// A row as it stands; the default if there is none.
    pub fn find<R: Row>(&self, key: impl ToString) -> R {
        self.remembering.find(&key.to_string())
    }

    /// When this event comes.
    ///
    /// # Errors
    /// The rule's refusal; nothing has changed then.
    pub fn event<E: Event>(&mut self, event: E) -> Result<Then, Refusal> {
        self.when::<()>(&Trigger::Event(AnyEvent::new(event))).map(|(_, then)| then)
    }

    /// When a client asks for this.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn command<C: Command>(&mut self, command: C) -> Result<(C::Reply, Then), Refusal> {
        let (reply, then) = self.when(&Trigger::Command(AnyCommand::new(command)))?;
        let reply = reply.ok_or_else(|| Refusal::Permanent("the rule gave no reply of the command's type".into()))?;
        Ok((reply, then))
    }

    /// When the provider answers the call of this aggregate.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn answer<C: Call>(&mut self, aggregate_id: impl ToString, answer: Answer) -> Result<Then, Refusal> {
        let trigger = Trigger::Answer { aggregate_id: aggregate_id.to_string(), step: C::STEP.into(), answer };
        self.when::<()>(&trigger).map(|(_, then)| then)
    }

    /// When a deadline of this aggregate has passed.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn deadline(&mut self, aggregate_id: impl ToString, name: &str) -> Result<Then, Refusal> {
        let trigger = Trigger::Deadline { aggregate_id: aggregate_id.to_string(), name: name.into() };
        self.when::<()>(&trigger).map(|(_, then)| then)
    }

    fn when<R: 'static>(&mut self, trigger: &Trigger<Routed>) -> Result<(Option<R>, Then), Refusal> {
        let mut effects = self.remembering.when(trigger, self.now)?;
        let reply = effects.reply.take().and_then(|reply| reply.take::<R>());
        Ok((reply, Then::of(effects)))
    }
}

/// What follows from an input, besides the rows.
#[derive(Debug)]
pub struct Then {
    /// In words, in the order: records by their table, events by their type, calls, amended calls, deadlines.
    words: Vec<String>,
    published: Vec<NewEvent>,
    calls: Vec<NewCall>,
    records: Vec<AnyRecord>,
    deadlines: Vec<SetDeadline>,
}

impl Then {
    fn of(effects: Effects<Routed>) -> Self {
        let records = effects.records.iter().map(|record| format!("record {}", record.table().name));
        let events = effects.events.iter().map(|event| event.event_type.to_owned());
        let calls = effects.calls.iter().map(|call| format!("call {}", call.step));
        let amended = effects.amended.iter().map(|call| format!("amend {}", call.step));
        let deadlines = effects.deadlines.iter().map(|deadline| format!("deadline {}", deadline.name));
        let settled = effects.settled.iter().map(|deadline| format!("settle {}", deadline.name));
        let words = records.chain(events).chain(calls).chain(amended).chain(deadlines).chain(settled).collect();
        let calls = effects.calls.into_iter().chain(effects.amended).collect();
        Self { words, published: effects.events, calls, records: effects.records, deadlines: effects.deadlines }
    }

    /// Such as `["record lines", "points.earned", "call post", "amend post", "deadline thanks", "settle thanks"]`. Empty where
    /// nothing follows.
    pub fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// The events of this type that are published.
    ///
    /// # Panics
    /// If one of them can't be read back.
    pub fn published<E: Event>(&self) -> Vec<E> {
        let of_type = self.published.iter().filter(|event| event.event_type == E::TYPE.name);
        of_type.map(|event| E::read(event.version, &event.payload).unwrap_or_else(|error| panic!("{error}"))).collect()
    }

    /// What is asked of the provider in calls of this type, amended ones included.
    ///
    /// # Panics
    /// If one of them can't be read back.
    pub fn calls<C: Call>(&self) -> Vec<C::Request> {
        let of_step = self.calls.iter().filter(|call| call.step == C::STEP);
        of_step.map(|call| serde_json::from_str(&call.request).unwrap_or_else(|error| panic!("{error}"))).collect()
    }

    /// When the deadline of this name is due; `None` if none is set.
    pub fn deadline(&self, name: &str) -> Option<DateTime<Utc>> {
        self.deadlines.iter().find(|deadline| deadline.name == name).map(|deadline| deadline.due_at)
    }

    /// The records of this type that are appended.
    pub fn records<R: Record>(&self) -> Vec<&R> {
        self.records.iter().filter_map(AnyRecord::get).collect()
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Then {
    fn eq(&self, words: &[&str; N]) -> bool {
        self.words() == words
    }
}

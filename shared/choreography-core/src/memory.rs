//! Services in the memory of one process, for examples and for tests of how services fit together.
//!
//! What one publishes is handed to all that read its topic, through their real routes, until nothing is left. Nothing fails in
//! here, and nothing comes twice or out of order.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Answer, Call, Command, Event, Refusal, Row,
    effects::{Effects, NewEvent},
    envelope::Envelope,
    participant::{Participant, Trigger},
    routes::{AnyCommand, AnyEvent, Routed, Service, TableId, typed},
    rows::Rows,
};

/// A service's routes, and the rows that it remembers.
pub(crate) struct Remembering {
    pub routed: Routed,
    pub rows: Rows<Routed>,
}

impl Remembering {
    /// # Panics
    /// If its routes contradict each other.
    pub fn nothing<S: Service>(service: S) -> Self {
        Self { routed: Routed::new(service).unwrap_or_else(|wrong| panic!("{wrong}")), rows: Rows::default() }
    }

    pub fn find<R: Row>(&self, key: &str) -> R {
        self.rows.find(TableId(R::TABLE), key).map_or_else(R::default, |row| typed(row, key))
    }

    /// Hands an input to its rule, with the rows that its route names and no other. Nothing changes if it is refused.
    pub fn when(&mut self, trigger: &Trigger<Routed>, now: DateTime<Utc>) -> Result<Effects<Routed>, Refusal> {
        let (mut view, mut places) = (Rows::default(), Vec::new());
        for &table in self.routed.tables() {
            let mut touched = Vec::new();
            self.routed.touches(table, trigger, &view, &mut touched);
            for touch in touched {
                let row = self.rows.find(table, &touch.key).cloned();
                view.load(table, touch.key.clone(), row.unwrap_or_else(|| self.routed.absent(table)));
                places.push((table, touch.key));
            }
        }
        let effects = self.routed.decide(trigger, &mut view, now)?;
        for (table, key) in places {
            let row = view.get(table, &key).clone();
            self.rows.load(table, key, row);
        }
        Ok(effects)
    }
}

/// Services that hear each other. They make no calls and no deadline passes by itself: [`answer`](Self::answer) and
/// [`deadline`](Self::deadline) say when one does.
#[derive(Default)]
pub struct InMemory {
    services: Vec<Remembering>,
    underway: VecDeque<NewEvent>,
    published: Vec<&'static str>,
    /// The clock of all of them; at first 1970.
    pub now: DateTime<Utc>,
}

/// An input that a service does not take. Events that were on their way by then stay there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{service} does not take {trigger}: {why}")]
#[non_exhaustive]
pub struct InMemoryError {
    /// The service's name.
    pub service: &'static str,
    /// The event's type, or another input.
    pub trigger: String,
    /// The rule's refusal, or what is wrong with the event.
    pub why: String,
}

impl InMemory {
    /// One more service takes part.
    ///
    /// # Panics
    /// If its routes contradict each other.
    #[must_use]
    pub fn with<S: Service>(mut self, service: S) -> Self {
        self.services.push(Remembering::nothing(service));
        self
    }

    /// A client asks a service for this. All that follows, at this service and at others, has followed when it is answered.
    ///
    /// # Errors
    /// A service does not take an input.
    pub fn command<S: Service, C: Command>(&mut self, command: C) -> Result<C::Reply, InMemoryError> {
        let mut effects = self.hand(S::NAME, &Trigger::Command(AnyCommand::new(command)))?;
        let reply = effects.reply.take().and_then(|reply| reply.take::<C::Reply>());
        self.follow(effects)?;
        let why = "the rule gave no reply of the command's type".into();
        reply.ok_or(InMemoryError { service: S::NAME, trigger: "a command".into(), why })
    }

    /// Another publishes this event.
    ///
    /// # Errors
    /// As [`command`](Self::command), or the event can't be written.
    pub fn event<E: Event>(&mut self, event: E) -> Result<(), InMemoryError> {
        let (name, version, topic) = (E::TYPE.name, E::TYPE.version, E::TYPE.topic);
        let payload = event.write().map_err(|refusal| InMemoryError {
            service: "its publisher",
            trigger: name.into(),
            why: refusal.to_string(),
        })?;
        self.underway.push_back(NewEvent {
            topic,
            event_type: name,
            version,
            aggregate_id: event.aggregate_id(),
            payload,
        });
        self.hand_on()
    }

    /// A service's provider answers the call of this aggregate.
    ///
    /// # Errors
    /// As [`command`](Self::command).
    pub fn answer<S: Service, C: Call>(
        &mut self,
        aggregate_id: impl ToString,
        answer: Answer,
    ) -> Result<(), InMemoryError> {
        let trigger = Trigger::Answer { aggregate_id: aggregate_id.to_string(), step: C::STEP.into(), answer };
        let effects = self.hand(S::NAME, &trigger)?;
        self.follow(effects)
    }

    /// A service's deadline of this aggregate has passed.
    ///
    /// # Errors
    /// As [`command`](Self::command).
    pub fn deadline<S: Service>(&mut self, aggregate_id: impl ToString, name: &str) -> Result<(), InMemoryError> {
        let trigger = Trigger::Deadline { aggregate_id: aggregate_id.to_string(), name: name.into() };
        let effects = self.hand(S::NAME, &trigger)?;
        self.follow(effects)
    }

    /// A service's row as it stands; the default if there is none.
    ///
    /// # Panics
    /// If the service does not take part.
    pub fn find<S: Service, R: Row>(&self, key: impl ToString) -> R {
        let service = self.services.iter().find(|service| service.routed.name() == S::NAME);
        let service = service.unwrap_or_else(|| panic!("{} does not take part", S::NAME));
        service.find(&key.to_string())
    }

    /// The types of all events so far, in the order in which they were published.
    #[must_use]
    pub fn published(&self) -> &[&'static str] {
        &self.published
    }

    fn hand(&mut self, name: &'static str, trigger: &Trigger<Routed>) -> Result<Effects<Routed>, InMemoryError> {
        let named = match trigger {
            Trigger::Event(event) => event.event_type.name.to_owned(),
            Trigger::Command(_) => "a command".to_owned(),
            Trigger::Deadline { name, .. } => format!("the deadline {name}"),
            Trigger::Answer { step, .. } => format!("the answer to {step}"),
        };
        let not_taken = |why: String| InMemoryError { service: name, trigger: named, why };
        match self.services.iter_mut().find(|service| service.routed.name() == name) {
            Some(service) => service.when(trigger, self.now).map_err(|refusal| not_taken(refusal.to_string())),
            None => Err(not_taken("it does not take part".into())),
        }
    }

    fn follow(&mut self, effects: Effects<Routed>) -> Result<(), InMemoryError> {
        self.underway.extend(effects.events);
        self.hand_on()
    }

    /// Until nothing is on its way.
    fn hand_on(&mut self) -> Result<(), InMemoryError> {
        while let Some(event) = self.underway.pop_front() {
            let (topic, event_type) = (event.topic, event.event_type);
            self.published.push(event_type);
            let envelope = self.envelope(event);
            let readers = self.services.iter().filter(|service| service.routed.reads().contains(&topic));
            let mut decoded: Vec<(&'static str, AnyEvent)> = Vec::new();
            for reader in readers {
                let service = reader.routed.name();
                match reader.routed.decode(topic, &envelope) {
                    Ok(event) => decoded.extend(event.map(|event| (service, event))),
                    Err(wrong) => {
                        return Err(InMemoryError { service, trigger: event_type.into(), why: wrong.to_string() });
                    }
                }
            }
            for (service, event) in decoded {
                let effects = self.hand(service, &Trigger::Event(event))?;
                self.underway.extend(effects.events);
            }
        }
        Ok(())
    }

    fn envelope(&self, event: NewEvent) -> Envelope {
        // A payload was written by its type, so it is JSON; were it not, no service could read it.
        let payload = RawValue::from_string(event.payload).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Envelope {
            id: Uuid::from_u128(self.published.len() as u128),
            event_type: event.event_type.into(),
            version: event.version,
            timestamp: self.now,
            correlation_id: event.aggregate_id.clone(),
            aggregate_id: event.aggregate_id,
            payload,
            causation_id: None,
            source: None,
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;

//! A service's routes, as the engine's steps drive them.

use std::{any::Any, cmp::Ordering, fmt, hash, panic::Location};

use chrono::{DateTime, Utc};

use super::{
    AnyCommand, AnyEvent, AnyReply, Archive, Description, Reaction, RoutesError, Service, contradictions,
    rule::{At, RowKey, Rule},
    table::{Kept, RouteTable},
};
use crate::{
    AnyRecord, AnyRow, DecodeError, EventType, Key, Refusal, Row, Table,
    calls::Provider,
    effects::{Effects, NewCall, SetDeadline, SettleDeadline},
    envelope::Envelope,
    participant::{Participant, Trigger},
    rows::{Rows, Touch},
    table::{Cells, RowError},
    topic_moves::{Publication, Switch, TopicMoves},
};

/// A service with its route table.
pub struct Routed {
    name: &'static str,
    /// With its settings.
    service: Box<dyn Any + Send + Sync>,
    table: RouteTable,
    reads: Vec<&'static str>,
    writes: Vec<&'static str>,
    aggregates: TableId,
    moves: TopicMoves,
}

/// A table, known by its name.
#[derive(Clone, Copy)]
pub struct TableId(pub &'static Table);

impl Routed {
    /// Takes down what the service declares.
    ///
    /// # Errors
    /// The declarations contradict each other.
    pub fn new<S: Service>(service: S) -> Result<Self, RoutesError> {
        let table = RouteTable::of::<S>()?;
        let Description { reads, writes, .. } = table.describe(S::NAME);
        let aggregates = TableId(S::Aggregate::TABLE);
        Ok(Self {
            name: S::NAME,
            service: Box::new(service),
            table,
            reads,
            writes,
            aggregates,
            moves: TopicMoves::default(),
        })
    }

    /// Which topics are called otherwise on the broker than in the contracts, or are on their way there.
    #[must_use]
    pub fn with_moves(self, moves: TopicMoves) -> Self {
        Self { moves, ..self }
    }

    /// The topics that it reads, as the broker calls them, with those that take their places; and what to do about these.
    pub fn subscription(&self) -> (Vec<&str>, Vec<Switch>) {
        let topics = self.reads.iter().map(|topic| self.moves.current(topic)).collect();
        (topics, self.reads.iter().filter_map(|topic| self.moves.switch(topic)).collect())
    }

    /// The topics that it has read and that are closed: by the name before, and the one now.
    pub fn left(&self) -> Vec<(String, String)> {
        let now = |topic: &&'static str| ((*topic).to_owned(), self.moves.current(topic).to_owned());
        self.reads.iter().map(now).filter(|(before, now)| before != now).collect()
    }

    /// Every topic where its events may stand, as the broker calls them.
    pub fn sources(&self) -> Vec<&str> {
        self.reads.iter().flat_map(|topic| self.moves.sources(topic)).collect()
    }

    /// Every topic that it writes, as the broker calls them.
    pub fn destinations(&self) -> Vec<&str> {
        self.writes.iter().flat_map(|topic| self.moves.destinations(topic)).collect()
    }

    /// Where its events go, and in which version.
    pub fn publication(&self) -> Publication {
        Publication { moves: self.moves.clone(), before: self.table.before.clone() }
    }

    /// What the service declares, as data.
    pub fn describe(&self) -> Description {
        self.table.describe(self.name)
    }

    /// What of finished sagas may leave the database.
    pub fn archive(&self) -> &Archive {
        &self.table.archive
    }

    /// The table of its aggregates.
    pub fn aggregate_table(&self) -> &'static Table {
        self.aggregates.0
    }

    /// Whether the calls whose answers the routes take are those that `provider` makes, which was given at `given`. One that can't
    /// say which it makes is taken at its word.
    ///
    /// # Errors
    /// They are not the same.
    pub fn calls_by(&self, provider: &impl Provider, given: &Location<'_>) -> Result<(), RoutesError> {
        let made = provider.steps();
        let wrong = made.map_or_else(Vec::new, |made| contradictions::of_calls(&self.table, &made, given));
        if wrong.is_empty() { Ok(()) } else { Err(RoutesError(wrong)) }
    }

    /// The types of the events that it handles, with their topics.
    pub fn handles(&self) -> impl Iterator<Item = EventType> {
        self.table.events.values().map(|entry| entry.contract.event_type)
    }

    /// Puts a row of this table together.
    pub fn read_row(&self, table: TableId, cells: &mut Cells<'_>) -> Result<AnyRow, RowError> {
        (self.kept(table).read)(cells)
    }

    /// The engine asks for the tables that the routes name, and for no other.
    fn kept(&self, table: TableId) -> Kept {
        match self.table.kept.get(&table) {
            Some(kept) => *kept,
            None => panic!("{table:?} is not declared in the routes of {}", self.name),
        }
    }

    /// The rule of an input, the key that it is about, and what the rule takes.
    fn rule<'a>(&'a self, trigger: &'a Trigger<Self>) -> Option<(&'a Rule, RowKey<'a>, &'a dyn Any)> {
        let of = |text: &'a str| RowKey { text, fresh: false };
        match trigger {
            Trigger::Event(event) => {
                let entry = self.table.events.get(event.event_type.name)?;
                Some((&entry.rule, of(&event.aggregate_id), event.any()))
            }
            Trigger::Command(command) => {
                let key = RowKey { text: command.key.text(), fresh: matches!(command.key, Key::Fresh(_)) };
                Some((self.table.commands.get(&command.any().type_id())?, key, command.any()))
            }
            Trigger::Deadline { aggregate_id, name } => {
                Some((self.table.deadlines.get(name.as_str())?, of(aggregate_id), name))
            }
            Trigger::Answer { aggregate_id, step, answer } => {
                Some((self.table.answers.get(step.as_str())?, of(aggregate_id), answer))
            }
        }
    }

    /// What others would learn of must have been declared.
    fn check(&self, reaction: &Reaction) -> Result<(), Refusal> {
        if let Some(refusal) = &reaction.wrong {
            return Err(refusal.clone());
        }
        let undeclared = |trigger: String, how: &str| {
            Err(Refusal::Permanent(format!("{trigger} is not declared in the routes of {}: add {how}", self.name)))
        };
        for (event_type, _) in &reaction.published {
            if !self.table.published.contains_key(event_type.name) {
                return undeclared(event_type.name.to_owned(), "on.publishes::<…>()");
            }
        }
        for (step, _) in reaction.calls.iter().chain(&reaction.amended) {
            if !self.table.answers.contains_key(step) {
                return undeclared(format!("the answer to the call {step}"), "on.answer::<…>(rule)");
            }
        }
        for (name, _) in &reaction.deadlines {
            if !self.table.deadlines.contains_key(name) {
                return undeclared(format!("the deadline {name}"), "on.deadline(name, rule)");
            }
        }
        for record in &reaction.records {
            if !self.table.recorded.contains_key(record.table().name) {
                return undeclared(format!("the table {}", record.table().name), "on.records::<…>()");
            }
        }
        Ok(())
    }

    fn effects(&self, key: &str, reply: Option<AnyReply>, reaction: Reaction) -> Effects<Self> {
        let new_call = |(step, request)| NewCall { aggregate_id: key.to_owned(), step, request };
        let set = |(name, due_at)| SetDeadline { aggregate_id: key.to_owned(), name, due_at };
        let settle = |name| SettleDeadline { aggregate_id: key.to_owned(), name };
        Effects {
            events: reaction.published.into_iter().map(|(_, event)| event).collect(),
            records: reaction.records,
            calls: reaction.calls.into_iter().map(new_call).collect(),
            amended: reaction.amended.into_iter().map(new_call).collect(),
            deadlines: reaction.deadlines.into_iter().map(set).collect(),
            settled: reaction.settled.into_iter().map(settle).collect(),
            reply,
            ended: reaction.ended,
        }
    }
}

impl Participant for Routed {
    type Table = TableId;
    type Row = AnyRow;
    type Event = AnyEvent;
    type Command = AnyCommand;
    type Reply = AnyReply;
    type Record = AnyRecord;

    fn name(&self) -> &'static str {
        self.name
    }

    fn tables(&self) -> &[TableId] {
        &self.table.tables
    }

    fn aggregates(&self) -> Option<TableId> {
        Some(self.aggregates)
    }

    fn reads(&self) -> &[&'static str] {
        &self.reads
    }

    fn writes(&self) -> &[&'static str] {
        &self.writes
    }

    fn absent(&self, table: TableId) -> AnyRow {
        (self.kept(table).absent)()
    }

    fn command_text(&self, command: &AnyCommand) -> String {
        command.text()
    }

    fn ignores(&self, topic: &str, event_type: &str) -> bool {
        let topic = self.moves.contract_topic(topic);
        self.table.ignored.get(event_type).is_some_and(|ignored| ignored.topic == topic)
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<AnyEvent>, DecodeError> {
        let Some(entry) = self.table.events.get(envelope.event_type.as_str()) else {
            self.table.unhandled.report(self.name, &envelope.event_type);
            return Ok(None);
        };
        let owner = entry.contract.event_type.topic;
        if owner != self.moves.contract_topic(topic) {
            return Err(DecodeError::ForeignTopic {
                event_type: envelope.event_type.clone(),
                owner: owner.to_owned(),
                topic: topic.to_owned(),
            });
        }
        let event = (entry.read)(envelope.version, envelope.payload.get())?;
        if event.aggregate_id != envelope.aggregate_id {
            return Err(DecodeError::Payload {
                path: "aggregateId".to_owned(),
                problem: format!("is {}, but the payload is about {}", envelope.aggregate_id, event.aggregate_id),
            });
        }
        Ok(Some(event))
    }

    fn overtakes(&self, event: &AnyEvent) -> bool {
        self.table.events.get(event.event_type.name).is_some_and(|entry| entry.overtakes)
    }

    fn names(&self, table: TableId, trigger: &Trigger<Self>) -> bool {
        self.rule(trigger).is_some_and(|(rule, ..)| rule.names(table))
    }

    fn names_by_rows(&self, table: TableId, trigger: &Trigger<Self>) -> bool {
        self.rule(trigger).is_some_and(|(rule, ..)| rule.names_by_rows(table))
    }

    fn touches(&self, table: TableId, trigger: &Trigger<Self>, rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        if let Some((rule, key, input)) = self.rule(trigger) {
            rule.touches(table, input, key, rows, touched);
        }
    }

    fn decide(
        &self,
        trigger: &Trigger<Self>,
        rows: &mut Rows<Self>,
        now: DateTime<Utc>,
    ) -> Result<Effects<Self>, Refusal> {
        let Some((rule, key, input)) = self.rule(trigger) else {
            return Err(Refusal::Permanent(format!("{} has no route for {trigger:?}", self.name)));
        };
        let at = At { service: &*self.service, now, aggregate_id: key.text };
        let (reply, reaction) = (rule.run)(input, rows, &at)?;
        self.check(&reaction)?;
        rule.check(&reaction)?;
        Ok(self.effects(key.text, reply, reaction))
    }
}

impl fmt::Debug for Routed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Routed").field(&self.name).finish()
    }
}

impl PartialEq for TableId {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for TableId {}

impl PartialOrd for TableId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TableId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name.cmp(other.0.name)
    }
}

impl hash::Hash for TableId {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name)
    }
}

//! The route table as it stands once all is declared, and what in it contradicts itself.

use std::{
    any::{Any, TypeId},
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    marker::PhantomData,
};

use chrono::{DateTime, Utc};

use super::{
    Further, Moment, OnAnswer, OnCommand, OnCommandWith, OnDeadline, OnEvent, OnEventWith, Reaction, Routes, Service,
    further::{row, row_so_far},
    inputs::{AnyEvent, AnyReply},
    routed::{Routed, TableId},
    unhandled::Unhandled,
};
use crate::{
    Answer, AnyRow, Command, Event, EventType, Refusal, Row, Table, Undecodable,
    rows::{Rows, Touch},
    table::{Cells, Unreadable},
};

/// What a rule came to; of a command with its reply.
type Ran = Result<(Option<AnyReply>, Reaction), Refusal>;
type Run = dyn Fn(&dyn Any, &mut Rows<Routed>, &At<'_>) -> Ran + Send + Sync;
type Names = dyn Fn(&dyn Any, &str, &Rows<Routed>) -> Vec<String> + Send + Sync;

/// The circumstances of an input, of whatever service.
pub(super) struct At<'a> {
    /// Of the type that declared the routes.
    pub service: &'a (dyn Any + Send + Sync),
    pub now: DateTime<Utc>,
    pub aggregate_id: &'a str,
}

/// The key of the row that an input is about.
#[derive(Clone, Copy)]
pub(super) struct RowKey<'a> {
    pub text: &'a str,
    /// It was minted for this input.
    pub fresh: bool,
}

/// A rule with the rows that it needs.
pub(super) struct Rule {
    /// The table of the row that the input is about.
    pub about: TableId,
    further: Option<(TableId, Box<Names>)>,
    pub run: Box<Run>,
}

impl Rule {
    pub fn event<E: Event, S: Service>(rule: OnEvent<E, S>) -> Self {
        Self::about(move |event: &E, aggregate: &mut S::Aggregate, _, at| Ok((None, rule(event, aggregate, at)?)))
    }

    pub fn event_with<E: Event, X: Row, S: Service>(
        keys: fn(&E, &S::Aggregate) -> Vec<String>,
        rule: OnEventWith<E, X, S>,
    ) -> Self {
        Self::with(keys, move |event, aggregate, further, at| Ok((None, rule(event, aggregate, further, at)?)))
    }

    pub fn command<C: Command, S: Service>(rule: OnCommand<C, S>) -> Self {
        Self::about(move |command: &C, row: &mut C::Row, _, at| {
            let (reply, reaction) = rule(command, row, at)?;
            Ok((Some(AnyReply::new(reply)), reaction))
        })
    }

    pub fn command_with<C: Command, X: Row, S: Service>(
        keys: fn(&C, &C::Row) -> Vec<String>,
        rule: OnCommandWith<C, X, S>,
    ) -> Self {
        Self::with(keys, move |command, row, further, at| {
            let (reply, reaction) = rule(command, row, further, at)?;
            Ok((Some(AnyReply::new(reply)), reaction))
        })
    }

    pub fn answer<S: Service>(rule: OnAnswer<S>) -> Self {
        Self::about(move |answer: &Answer, aggregate: &mut S::Aggregate, _, at| {
            Ok((None, rule(answer, aggregate, at)?))
        })
    }

    pub fn deadline<S: Service>(rule: OnDeadline<S>) -> Self {
        Self::about(move |_: &String, aggregate: &mut S::Aggregate, _, at| Ok((None, rule(aggregate, at)?)))
    }

    /// A rule about one row.
    fn about<I: Any, R: Row, S: Service>(
        rule: impl Fn(&I, &mut R, &mut Rows<Routed>, &Moment<'_, S>) -> Ran + Send + Sync + 'static,
    ) -> Self {
        let run = move |input: &dyn Any, rows: &mut Rows<Routed>, at: &At<'_>| {
            let input = typed::<I>(input)?;
            let at = &Moment { service: typed::<S>(at.service)?, now: at.now, aggregate_id: at.aggregate_id };
            changing(rows, at.aggregate_id, |row: &mut R, rows| rule(input, row, rows, at))
        };
        Self { about: TableId(R::TABLE), further: None, run: Box::new(run) }
    }

    /// A rule about one row, with further ones that `keys` names.
    fn with<I: Any, R: Row, X: Row, S: Service>(
        keys: fn(&I, &R) -> Vec<String>,
        rule: impl Fn(&I, &mut R, &mut Further<X>, &Moment<'_, S>) -> Ran + Send + Sync + 'static,
    ) -> Self {
        let names = move |input: &dyn Any, key: &str, rows: &Rows<Routed>| {
            typed::<I>(input).map_or_else(|_| Vec::new(), |input| keys(input, &row_so_far(rows, key)))
        };
        let about = Self::about(move |input: &I, row: &mut R, rows, at| {
            let mut further = Further::read(keys(input, row), rows);
            let ran = rule(input, row, &mut further, at)?;
            further.write(rows);
            Ok(ran)
        });
        Self { further: Some((TableId(X::TABLE), Box::new(names))), ..about }
    }

    /// Whether the rule takes rows of this table.
    pub fn names(&self, table: TableId) -> bool {
        table == self.about || self.further.as_ref().is_some_and(|(further, _)| *further == table)
    }

    /// Whether it names its rows of this table by what stands in the row that it is about.
    pub fn names_by_rows(&self, table: TableId) -> bool {
        self.further.as_ref().is_some_and(|(further, _)| *further == table)
    }

    /// The rows of `table` that the input may read or change.
    pub fn touches(
        &self,
        table: TableId,
        input: &dyn Any,
        key: RowKey<'_>,
        rows: &Rows<Routed>,
        touched: &mut Vec<Touch>,
    ) {
        if table == self.about {
            touched.push(Touch { key: key.text.to_owned(), fresh: key.fresh });
        }
        if let Some((further, names)) = &self.further
            && *further == table
        {
            touched.extend(names(input, key.text, rows).into_iter().map(Touch::shared));
        }
    }
}

/// Runs a rule on the row that its input is about. A rule that saw no row and writes none must leave no trace that others
/// see: there would be nothing to lock, so two of them could pass each other.
fn changing<R: Row>(
    rows: &mut Rows<Routed>,
    aggregate_id: &str,
    rule: impl FnOnce(&mut R, &mut Rows<Routed>) -> Ran,
) -> Ran {
    let before: R = row(rows, aggregate_id);
    let mut after = before.clone();
    let (reply, reaction) = rule(&mut after, rows)?;
    if after == R::default() && before == after && reaction.is_seen() {
        return Err(Refusal::Permanent(format!(
            "the rule saw no row {} in {} and writes none, yet it publishes, calls or sets a deadline: write a row that \
             says so",
            aggregate_id,
            R::TABLE.name
        )));
    }
    rows.set(TableId(R::TABLE), aggregate_id, AnyRow::new(after));
    Ok((reply, reaction))
}

fn typed<T: Any>(input: &dyn Any) -> Result<&T, Refusal> {
    input.downcast_ref().ok_or_else(|| Refusal::Permanent(format!("this is no {}", std::any::type_name::<T>())))
}

/// The rows of a table, of which type they are put aside.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// Of a key of which nothing is known yet.
    pub absent: fn() -> AnyRow,
    pub read: fn(&mut Cells<'_>) -> Result<AnyRow, Unreadable>,
}

/// An event's route.
pub(super) struct EventEntry {
    pub event_type: EventType,
    pub overtakes: bool,
    pub read: fn(u32, &str) -> Result<AnyEvent, Undecodable>,
    pub rule: Rule,
}

/// What a service reads, handles and publishes, as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The service's name.
    pub name: &'static str,
    /// The topics that it reads.
    pub reads: Vec<&'static str>,
    /// The types that it handles.
    pub handles: Vec<&'static str>,
    /// Those among them that overtake parked events.
    pub compensates: Vec<&'static str>,
    /// The types that it passes over in silence.
    pub ignores: Vec<&'static str>,
    /// The types that it publishes.
    pub publishes: Vec<&'static str>,
    /// The topics that it writes to.
    pub writes: Vec<&'static str>,
    /// The steps of its external calls.
    pub calls: Vec<&'static str>,
    /// The names of its deadlines.
    pub deadlines: Vec<&'static str>,
    /// Its tables: rows in the order in which they are locked, then records.
    pub tables: Vec<&'static str>,
    /// What the contracts say of all types that are named above, by name.
    pub events: Vec<EventType>,
}

impl Description {
    /// What a service declares.
    ///
    /// # Errors
    /// The declarations contradict each other.
    pub fn of<S: Service>() -> Result<Self, Contradictions> {
        RouteTable::of::<S>().map(|table| table.describe(S::NAME))
    }
}

/// Declarations that contradict each other. Each line names one, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradictions(pub Vec<String>);

impl fmt::Display for Contradictions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the routes contradict each other:\n  {}", self.0.join("\n  "))
    }
}

impl std::error::Error for Contradictions {}

#[derive(Default)]
pub(super) struct RouteTable {
    pub events: BTreeMap<&'static str, EventEntry>,
    pub commands: HashMap<TypeId, Rule>,
    pub answers: BTreeMap<&'static str, Rule>,
    pub deadlines: BTreeMap<&'static str, Rule>,
    pub published: BTreeMap<&'static str, EventType>,
    ignored: BTreeMap<&'static str, EventType>,
    pub recorded: BTreeSet<&'static str>,
    /// In the order in which they are locked: the aggregate's first.
    pub tables: Vec<TableId>,
    pub kept: BTreeMap<TableId, Kept>,
    pub unhandled: Unhandled,
    order: Vec<(&'static Table, &'static Table)>,
    wrong: Vec<String>,
    /// Where a route leaves its word whose type is handled already.
    superseded: bool,
}

impl RouteTable {
    /// What the service declares.
    pub fn of<S: Service>() -> Result<Self, Contradictions> {
        let mut table = Self::default();
        table.keeps::<S::Aggregate>();
        let mut routes = Routes { table, service: PhantomData };
        S::routes(&mut routes);
        let mut table = routes.table;
        table.check(S::NAME);
        if table.wrong.is_empty() { Ok(table) } else { Err(Contradictions(table.wrong)) }
    }

    pub fn keeps<R: Row>(&mut self) {
        let kept = Kept { absent: || AnyRow::new(R::default()), read: |cells| R::read(cells).map(AnyRow::new) };
        if self.kept.insert(TableId(R::TABLE), kept).is_none() {
            self.tables.push(TableId(R::TABLE));
        }
    }

    /// The second table's keys come from the first one's rows.
    pub fn after(&mut self, first: &'static Table, then: &'static Table) {
        self.order.push((first, then));
    }

    pub fn event<E: Event>(&mut self, rule: Rule) -> &mut bool {
        let EventType { name, .. } = E::TYPE;
        self.unhandled.know(E::FAMILY);
        if self.events.contains_key(name) {
            self.wrong.push(format!("{name} is handled twice: declare it once"));
            return &mut self.superseded;
        }
        let read = |version: u32, payload: &str| E::read(version, payload).map(AnyEvent::new);
        let entry = EventEntry { event_type: E::TYPE, overtakes: false, read, rule };
        &mut self.events.entry(name).or_insert(entry).overtakes
    }

    pub fn ignore<E: Event>(&mut self) {
        self.unhandled.know(E::FAMILY);
        self.unhandled.ignore(E::TYPE);
        self.ignored.insert(E::TYPE.name, E::TYPE);
    }

    pub fn command<C: Command>(&mut self, rule: Rule) {
        if self.commands.insert(TypeId::of::<C>(), rule).is_some() {
            self.wrong.push(format!("{} is handled twice: declare it once", std::any::type_name::<C>()));
        }
    }

    pub fn answer(&mut self, step: &'static str, rule: Rule) {
        if self.answers.insert(step, rule).is_some() {
            self.wrong.push(format!("the answer to {step} is handled twice: give each call a step of its own"));
        }
    }

    pub fn deadline(&mut self, name: &'static str, rule: Rule) {
        if self.deadlines.insert(name, rule).is_some() {
            self.wrong.push(format!("the deadline {name} is handled twice: give each a name of its own"));
        }
    }

    pub fn publishes<E: Event>(&mut self) {
        self.published.insert(E::TYPE.name, E::TYPE);
    }

    pub fn records(&mut self, table: &'static Table) {
        self.recorded.insert(table.name);
    }

    fn check(&mut self, service: &str) {
        let reads: BTreeSet<&str> = self.events.values().map(|entry| entry.event_type.topic).collect();
        for (name, ignored) in &self.ignored {
            if self.events.contains_key(name) {
                self.wrong.push(format!("{name} is handled, and declared as ignored: leave one of the two out"));
            } else if !reads.contains(ignored.topic) {
                self.wrong.push(format!(
                    "{name} is declared as ignored, but nothing of {} is handled: leave it out",
                    ignored.topic
                ));
            }
        }
        for name in self.published.keys().filter(|name| self.events.contains_key(*name)) {
            self.wrong.push(format!("{name} is published and handled by the same service: call the rule instead"));
        }
        for published in self.published.values().filter(|published| published.owner != service) {
            let EventType { name, topic, owner, .. } = published;
            self.wrong.push(format!("{name} is published, but it is {owner}'s: only {owner} writes to {topic}"));
        }
        for (first, then) in &self.order {
            let place = |table: &'static Table| self.tables.iter().position(|kept| *kept == TableId(table));
            if place(first) >= place(then) {
                self.wrong.push(format!(
                    "keys of {then} come from rows of {first}, but {then} is locked first: declare a route of {first} before",
                    first = first.name,
                    then = then.name
                ));
            }
        }
    }

    pub fn describe(&self, name: &'static str) -> Description {
        let once = |topics: &mut dyn Iterator<Item = &'static str>| {
            topics.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let handled = self.events.iter().map(|(name, entry)| (*name, entry.event_type));
        let others = self.ignored.iter().chain(&self.published).map(|(name, event_type)| (*name, *event_type));
        let events: BTreeMap<_, _> = handled.chain(others).collect();
        Description {
            name,
            reads: once(&mut self.events.values().map(|entry| entry.event_type.topic)),
            handles: self.events.keys().copied().collect(),
            compensates: self.events.iter().filter(|(_, entry)| entry.overtakes).map(|(name, _)| *name).collect(),
            ignores: self.ignored.keys().copied().collect(),
            publishes: self.published.keys().copied().collect(),
            writes: once(&mut self.published.values().map(|published| published.topic)),
            calls: self.answers.keys().copied().collect(),
            deadlines: self.deadlines.keys().copied().collect(),
            tables: self.tables.iter().map(|table| table.0.name).chain(self.recorded.iter().copied()).collect(),
            events: events.into_values().collect(),
        }
    }
}

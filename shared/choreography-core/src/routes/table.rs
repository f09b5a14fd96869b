//! The route table as it stands once all is declared.

use std::{
    any::{TypeId, type_name},
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry},
    marker::PhantomData,
};

use super::{
    Archive, Description, EventContract, Routes, RoutesError, Service, contradictions, dispatch::TableId,
    inputs::AnyEvent, place::Place, rule::Rule, unhandled::Unhandled,
};
use crate::{
    AnyRow, Call, Command, DecodeError, Event, EventType, Record, Row,
    table::{Cells, RowError},
    versions::Conversion,
};

/// The type that a table's rows have, so that they can be kept with those of others.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub of: Typed,
    /// The row of a key about which nothing is known yet.
    pub absent: fn() -> AnyRow,
    pub read: fn(&mut Cells<'_>) -> Result<AnyRow, RowError>,
}

/// A type of rows or records, and where it was first declared.
#[derive(Clone, Copy)]
pub(super) struct Typed {
    pub id: TypeId,
    pub name: &'static str,
    pub place: Place,
}

impl Typed {
    fn of<T: 'static>(place: Place) -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>(), place }
    }
}

/// An event's route.
pub(super) struct EventEntry {
    pub contract: EventContract,
    pub overtakes: bool,
    pub read: fn(u32, &str) -> Result<AnyEvent, DecodeError>,
    pub rule: Rule,
}

#[derive(Default)]
pub(super) struct RouteTable {
    pub events: BTreeMap<&'static str, EventEntry>,
    pub commands: HashMap<TypeId, Rule>,
    pub answers: BTreeMap<&'static str, Rule>,
    pub deadlines: BTreeMap<&'static str, Rule>,
    pub published: BTreeMap<&'static str, EventContract>,
    /// Steps back to the versions that old topics have.
    pub before: BTreeMap<&'static str, Conversion>,
    pub ignored: BTreeMap<&'static str, EventType>,
    pub recorded: BTreeMap<&'static str, Typed>,
    /// In the order in which they are locked: the aggregate's first.
    pub tables: Vec<TableId>,
    pub kept: BTreeMap<TableId, Kept>,
    pub archive: Archive,
    /// What it says of its part in a saga, as JSON.
    pub saga: Option<&'static str>,
    /// Topics of keys that it writes.
    pub owns_keys: Vec<&'static str>,
    /// Topics of keys that it reads.
    pub reads_keys: Vec<&'static str>,
    pub unhandled: Unhandled,
    wrong: Vec<String>,
    /// Where a route leaves its word whose type is handled already.
    superseded: bool,
}

impl RouteTable {
    /// What the service declares.
    pub fn of<S: Service>() -> Result<Self, RoutesError> {
        let mut table = Self::default();
        table.keeps::<S::Aggregate>(Place::Aggregate);
        let mut routes = Routes { table, service: PhantomData };
        S::routes(&mut routes);
        let mut table = routes.table;
        table.wrong.extend(contradictions::of(&table, S::NAME));
        if table.wrong.is_empty() { Ok(table) } else { Err(RoutesError(table.wrong)) }
    }

    /// Rows of this type are read and written.
    pub fn keeps<R: Row>(&mut self, place: Place) {
        let of = Typed::of::<R>(place);
        let kept = Kept { of, absent: || AnyRow::new(R::default()), read: |cells| R::read(cells).map(AnyRow::new) };
        match self.kept.entry(TableId(R::TABLE)) {
            Entry::Vacant(vacant) => {
                vacant.insert(kept);
                self.tables.push(TableId(R::TABLE));
            }
            Entry::Occupied(before) => self.wrong.extend(contradictions::two_types(R::TABLE, before.get().of, of)),
        }
    }

    pub fn event<E: Event>(&mut self, rule: Rule) -> &mut bool {
        let EventType { name, .. } = E::TYPE;
        let rule = rule.taking(name.to_owned());
        self.unhandled.know(E::FAMILY);
        self.takes(&rule);
        match self.events.entry(name) {
            Entry::Occupied(before) => {
                self.wrong.push(contradictions::twice(&before.get().rule, &rule, "declare it once"));
                &mut self.superseded
            }
            Entry::Vacant(vacant) => {
                let read = |version: u32, payload: &str| E::read(version, payload).map(AnyEvent::new);
                &mut vacant
                    .insert(EventEntry { contract: EventContract::of::<E>(), overtakes: false, read, rule })
                    .overtakes
            }
        }
    }

    pub fn ignore<E: Event>(&mut self) {
        self.unhandled.know(E::FAMILY);
        self.unhandled.ignore(E::TYPE);
        self.ignored.insert(E::TYPE.name, E::TYPE);
    }

    pub fn command<C: Command>(&mut self, rule: Rule) {
        self.takes(&rule);
        if let Some(before) = self.commands.get(&TypeId::of::<C>()) {
            self.wrong.push(contradictions::twice(before, &rule, "declare it once"));
        }
        self.commands.entry(TypeId::of::<C>()).or_insert(rule);
    }

    pub fn answer<C: Call>(&mut self, rule: Rule) {
        let rule = rule.taking(format!("the answer to {}", C::STEP));
        self.takes(&rule);
        if let Some(before) = self.answers.get(C::STEP) {
            self.wrong.push(contradictions::twice(before, &rule, "give each call a step of its own"));
        }
        self.answers.entry(C::STEP).or_insert(rule);
    }

    pub fn deadline(&mut self, name: &'static str, rule: Rule) {
        let rule = rule.taking(format!("the deadline {name}"));
        self.takes(&rule);
        if let Some(before) = self.deadlines.get(name) {
            self.wrong.push(contradictions::twice(before, &rule, "give each a name of its own"));
        }
        self.deadlines.entry(name).or_insert(rule);
    }

    pub fn publishes<E: Event>(&mut self) {
        self.published.insert(E::TYPE.name, EventContract::of::<E>());
    }

    /// Records of this type are appended.
    pub fn records<R: Record>(&mut self, place: Place) {
        let of = Typed::of::<R>(place);
        let before = *self.recorded.entry(R::TABLE.name).or_insert(of);
        self.wrong.extend(contradictions::two_types(R::TABLE, before, of));
    }

    /// The tables of a rule are known by now, in the order in which they are locked.
    fn takes(&mut self, rule: &Rule) {
        self.wrong.extend(contradictions::of_order(self, rule));
    }

    pub fn describe(&self, name: &'static str) -> Description {
        let once = |topics: &mut dyn Iterator<Item = &'static str>| {
            topics.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let ignored = self.ignored.iter().map(|(name, event_type)| (*name, EventContract::ignored(*event_type)));
        let handled = self.events.iter().map(|(name, entry)| (*name, entry.contract.clone()));
        let published = self.published.iter().map(|(name, contract)| (*name, contract.clone()));
        let events: BTreeMap<_, _> = ignored.chain(handled).chain(published).collect();
        Description {
            name,
            reads: once(&mut self.events.values().map(|entry| entry.contract.event_type.topic)),
            handles: self.events.keys().copied().collect(),
            compensates: self.events.iter().filter(|(_, entry)| entry.overtakes).map(|(name, _)| *name).collect(),
            ignores: self.ignored.keys().copied().collect(),
            publishes: self.published.keys().copied().collect(),
            writes: once(&mut self.published.values().map(|published| published.event_type.topic)),
            calls: self.answers.keys().copied().collect(),
            deadlines: self.deadlines.keys().copied().collect(),
            tables: self.tables.iter().map(|table| table.0.name).chain(self.recorded.keys().copied()).collect(),
            events: events.into_values().collect(),
            saga: self.saga,
            owns_keys: self.owns_keys.clone(),
            reads_keys: self.reads_keys.clone(),
        }
    }
}

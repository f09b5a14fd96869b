//! The services whose events meet, with numbers for names: what the explorer goes through.

mod components;
mod numbered;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use components::components;
pub use numbered::{Arm, Effect};

use crate::{description::Description, state_table::StateTable};

/// What comes in, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// An event.
    Event(usize),
    /// A command.
    Command(usize),
    /// A deadline.
    Deadline(usize),
    /// An answer to a call: the call, and which of its answers.
    Answer(usize, usize),
}

/// A service with its state table.
#[derive(Debug)]
pub struct Participant<'a> {
    pub service: &'a Description,
    pub table: &'a StateTable,
    pub states: Vec<&'a str>,
    pub initial: usize,
    /// For each state that is an end: the outcomes with which it agrees.
    pub ends: Vec<Option<BTreeSet<&'a str>>>,
    /// What an input does in a state.
    pub arms: HashMap<(usize, Input), Vec<Arm>>,
    /// Why a state and an input never meet.
    pub impossible: HashMap<(usize, Input), &'a str>,
}

/// Something of a service, by name: a command, a call, a deadline.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub service: usize,
    pub name: &'a str,
}

/// A topic as one service reads it.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    pub reader: usize,
    pub topic: &'a str,
}

/// All of it.
#[derive(Debug)]
pub struct Model<'a> {
    pub services: Vec<Participant<'a>>,
    pub events: Vec<&'a str>,
    pub commands: Vec<Named<'a>>,
    /// Those among the commands that begin a saga.
    pub begins: BTreeSet<usize>,
    pub calls: Vec<Named<'a>>,
    /// For each call: its answers.
    pub answers: Vec<Vec<&'a str>>,
    pub deadlines: Vec<Named<'a>>,
    pub routes: Vec<Route<'a>>,
    /// For each event: the routes on which it is handled.
    pub readers: Vec<Vec<usize>>,
    /// For each route: the events that overtake on it.
    pub overtaking: Vec<BTreeSet<usize>>,
    /// The events after which nothing is undone.
    pub pivots: BTreeSet<usize>,
    /// For each event that states a step: the event that says that it is undone.
    pub compensations: BTreeMap<usize, usize>,
}

/// The services of one component: those that have a state table.
pub fn of<'a>(described: &[&'a Description]) -> Model<'a> {
    let services: Vec<(&Description, &StateTable)> =
        described.iter().filter_map(|service| Some((*service, service.state_table.as_ref()?))).collect();
    let events: BTreeSet<&str> = services
        .iter()
        .flat_map(|(service, _)| service.handles.iter().chain(&service.publishes))
        .map(String::as_str)
        .collect();
    let mut model = Model {
        services: Vec::new(),
        events: events.into_iter().collect(),
        commands: Vec::new(),
        begins: BTreeSet::new(),
        calls: Vec::new(),
        answers: Vec::new(),
        deadlines: Vec::new(),
        routes: Vec::new(),
        readers: Vec::new(),
        overtaking: Vec::new(),
        pivots: BTreeSet::new(),
        compensations: BTreeMap::new(),
    };
    model.readers = vec![Vec::new(); model.events.len()];
    for (index, (service, table)) in services.iter().enumerate() {
        model.name(index, service, table);
        model.route(index, service, &services);
    }
    for (index, (service, table)) in services.iter().enumerate() {
        let participant = model.participant(index, service, table);
        model.services.push(participant);
    }
    model
}

impl<'a> Model<'a> {
    /// Whether something overtakes anything else.
    pub fn overtakes(&self) -> bool {
        let shared = |route: usize| self.readers.iter().filter(|routes| routes.contains(&route)).count() > 1;
        self.overtaking.iter().enumerate().any(|(route, overtaking)| !overtaking.is_empty() && shared(route))
    }

    /// Whether something may come twice.
    pub fn repeats(&self) -> bool {
        self.services.iter().any(|participant| !participant.service.deduplicates)
    }

    /// The number of an event.
    pub fn event(&self, name: &str) -> Option<usize> {
        self.events.binary_search(&name).ok()
    }

    /// An input as the state table writes it.
    pub fn word(&self, input: Input) -> String {
        match input {
            Input::Event(event) => self.events[event].to_owned(),
            Input::Command(command) => format!("command {}", self.commands[command].name),
            Input::Deadline(deadline) => format!("deadline {}", self.deadlines[deadline].name),
            Input::Answer(call, answer) => format!("answer {} {}", self.calls[call].name, self.answers[call][answer]),
        }
    }

    fn name(&mut self, index: usize, service: &'a Description, table: &'a StateTable) {
        let named = |name: &'a String| Named { service: index, name };
        for command in &service.commands {
            if service.begins.contains(command) {
                self.begins.insert(self.commands.len());
            }
            self.commands.push(named(command));
        }
        for call in &service.calls {
            self.calls.push(named(call));
            self.answers.push(numbered::answers(service, table, call));
        }
        self.deadlines.extend(service.deadlines.iter().map(named));
        let pivot = service.pivot.as_ref().and_then(|pivot| self.event(pivot));
        self.pivots.extend(pivot);
        let of = service.compensations.iter();
        let of: Vec<_> = of.filter_map(|(step, undone)| Some((self.event(step)?, self.event(undone)?))).collect();
        self.compensations.extend(of);
    }

    /// Where the events that a service handles come to it: on the topic that their publisher names.
    fn route(&mut self, reader: usize, service: &'a Description, services: &[(&'a Description, &'a StateTable)]) {
        for name in &service.handles {
            let publisher =
                services.iter().find(|(other, _)| other.publishes(name)).map_or(service, |(other, _)| *other);
            let (Some(event), Some(contract)) = (self.event(name), publisher.events.get(name)) else { continue };
            let topic = contract.topic.as_str();
            let known = self.routes.iter().position(|route| route.reader == reader && route.topic == topic);
            let route = known.unwrap_or_else(|| {
                self.routes.push(Route { reader, topic });
                self.overtaking.push(BTreeSet::new());
                self.routes.len() - 1
            });
            self.readers[event].push(route);
            if service.compensates.contains(name) {
                self.overtaking[route].insert(event);
            }
        }
    }
}

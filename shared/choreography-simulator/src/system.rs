//! What a schedule runs: services, their clients, and what must hold.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex},
};

use choreography_core::{EventType, calls::Provider, participant::Participant, routes::Service};

use crate::{
    core::Core,
    kafka::{Broker, Kafka},
    poison::Poisons,
    replica::{Run, Task, tasks},
    schedule::Plan,
    subject::{Handle, Subject},
};

/// Starts the loops of one replica.
type Start = Box<dyn Fn(Run) -> Vec<Task>>;

/// A service with its replicas' beginning.
pub(crate) struct Simulated {
    pub handle: Handle,
    pub start: Start,
}

/// Messages that no service wrote, on one topic.
pub(crate) struct Junk {
    pub topic: &'static str,
    /// Types that a service handles from this topic.
    pub own: Vec<&'static str>,
    /// Types that the services which read this topic handle from others.
    pub foreign: Vec<&'static str>,
}

/// What is on its way between services and the outside world, besides Kafka's messages.
pub(crate) struct Late {
    pub land: Box<dyn Fn() -> bool>,
    pub is_quiet: Box<dyn Fn() -> bool>,
}

/// Everything that a schedule runs on; the set-up fills it.
pub struct System {
    /// Chance, time and the story of this run.
    pub core: Arc<Core>,
    pub(crate) kafka: Kafka,
    pub(crate) plan: Plan,
    pub(crate) services: Vec<Simulated>,
    pub(crate) clients: Vec<Task>,
    pub(crate) poisons: Option<Poisons>,
    pub(crate) late: Vec<Late>,
    pub(crate) meddlers: Vec<Box<dyn FnMut()>>,
    pub(crate) always: Vec<Box<dyn Fn(u64) -> Vec<String>>>,
    pub(crate) at_rest: Vec<Box<dyn Fn() -> Vec<String>>>,
    pub(crate) counts: Vec<Box<dyn Fn()>>,
    pub(crate) once: bool,
}

impl System {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let plan = Plan::draw(&core);
        Self {
            core,
            kafka: Arc::new(Mutex::new(Broker::default())),
            plan,
            services: Vec::new(),
            clients: Vec::new(),
            poisons: None,
            late: Vec::new(),
            meddlers: Vec::new(),
            always: Vec::new(),
            at_rest: Vec::new(),
            counts: Vec::new(),
            once: false,
        }
    }

    /// Takes a service in: one or two replicas of it run from the beginning, and are killed, frozen and replaced.
    ///
    /// # Panics
    /// If its routes contradict each other.
    pub fn add<S: Service, O: Provider>(&mut self, subject: Subject<S, O>) -> Handle {
        let Subject { service, calls, observed, tombstone } = subject;
        let handle = Handle::new(service, observed, &self.core, tombstone);
        let (core, kafka, provider) = (self.core.clone(), self.kafka.clone(), Arc::new(calls(self.core.clone())));
        let of = handle.clone();
        let start = move |run| tasks(&core, &kafka, &of.model, provider.clone(), &of.requests, run);
        self.services.push(Simulated { handle: handle.clone(), start: Box::new(start) });
        handle
    }

    /// A client of the services: it goes on a step at a time, and ends some time. It waits by [`Handle::ask`]
    /// and [`Handle::pause`] alone.
    pub fn client(&mut self, client: impl Future<Output = ()> + Send + 'static) {
        self.clients.push(Task::new(client));
    }

    /// What must hold at any moment; each line says what does not. `calm`: for so many steps nothing has struck.
    pub fn always(&mut self, check: impl Fn(u64) -> Vec<String> + 'static) {
        self.always.push(Box::new(check));
    }

    /// What must hold once nothing is left to do; each line says what does not.
    pub fn at_rest(&mut self, check: impl Fn() -> Vec<String> + 'static) {
        self.at_rest.push(Box::new(check));
    }

    /// Says that no aggregate publishes two events of one type.
    pub fn publishes_each_type_once(&mut self) {
        self.once = true;
    }

    /// Which inputs may be chosen to fail every time. By itself any event that a service handles, any answer and any deadline.
    pub fn poison(&mut self, poisons: Poisons) {
        self.poisons = Some(poisons);
    }

    /// What is on its way to or from the outside world and lands some time: `land` lets one land, and says whether there was one.
    pub fn late(&mut self, land: impl Fn() -> bool + 'static, is_quiet: impl Fn() -> bool + 'static) {
        self.late.push(Late { land: Box::new(land), is_quiet: Box::new(is_quiet) });
    }

    /// Meddles from outside, at every step.
    pub fn meddler(&mut self, meddle: impl FnMut() + 'static) {
        self.meddlers.push(Box::new(meddle));
    }

    /// Counts what the schedule reached, once it rests.
    pub fn counting(&mut self, count: impl Fn() + 'static) {
        self.counts.push(Box::new(count));
    }

    /// The broker, to look at what stands on its topics, junk and repeats included.
    pub fn broker(&self) -> Kafka {
        self.kafka.clone()
    }

    /// All topics that are read or written.
    pub(crate) fn topics(&self) -> Vec<&'static str> {
        let probes = self.services.iter().map(|service| &service.handle.model.participant);
        let topics: BTreeSet<_> =
            probes.flat_map(|probe| probe.reads().iter().chain(probe.writes())).copied().collect();
        topics.into_iter().collect()
    }

    fn handled(&self) -> impl Iterator<Item = (&Simulated, EventType)> {
        self.services.iter().flat_map(|service| {
            service.handle.model.participant.rules.handles().map(move |event_type| (service, event_type))
        })
    }

    /// What can be written on each topic that no service would write there.
    pub(crate) fn junk(&self) -> Vec<Junk> {
        let of = |topic: &'static str| {
            let own = self.handled().filter(|(_, of)| of.topic == topic).map(|(_, of)| of.name);
            let foreign = self
                .handled()
                .filter(|(service, of)| of.topic != topic && service.handle.model.participant.reads().contains(&topic));
            Junk { topic, own: own.collect(), foreign: foreign.map(|(_, of)| of.name).collect() }
        };
        self.topics().into_iter().map(of).filter(|junk| !junk.own.is_empty()).collect()
    }

    /// Inputs that may fail every time, where the set-up names none.
    pub(crate) fn any_poisons(&self) -> Poisons {
        let events = self.handled().map(|(service, of)| (service.handle.name(), of.name)).collect();
        let names = || self.services.iter().map(|service| service.handle.name());
        Poisons {
            events,
            common: Vec::new(),
            answers: names().map(|name| (name, "answer")).collect(),
            deadlines: names().map(|name| (name, "deadline")).collect(),
        }
    }
}

//! Drives all tasks, one poll at a time, and lets faults strike in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    task::{Context, Waker},
};

use choreography_core::delivery::Position;

use super::{LAST_STEP, intruder::intruder, junk::vandal, unreadable_rows::scribbler};
use crate::{
    check,
    core::lock,
    faults::Fault,
    replica::{Run, Stop, Task},
    system::System,
};

/// An outsider that does something to the services now and then.
type Outsider = fn(&System) -> Task;

/// How often a step looks for a replica or a client that has something to do.
const TRIES: usize = 4;

pub struct Replica {
    pub service: usize,
    pub tasks: Vec<Task>,
    pub stop: Stop,
    /// It does nothing until then.
    pub frozen_until: u64,
}

pub struct Running<'a> {
    pub system: &'a System,
    meddlers: Vec<Box<dyn FnMut()>>,
    pub replicas: BTreeMap<u64, Replica>,
    clients: Vec<Task>,
    members: u64,
    /// No replica is frozen after this step.
    pub last_thaw: u64,
    /// Messages that an operator sent again.
    sent_again: BTreeSet<Position>,
    pub findings: Vec<String>,
}

impl<'a> Running<'a> {
    /// One or two replicas of each service.
    pub fn new(system: &'a mut System) -> Self {
        let (clients, meddlers) = (std::mem::take(&mut system.clients), std::mem::take(&mut system.meddlers));
        let mut running = Self {
            system,
            meddlers,
            replicas: BTreeMap::new(),
            clients,
            members: 0,
            last_thaw: 0,
            sent_again: BTreeSet::new(),
            findings: Vec::new(),
        };
        let core = &running.system.core;
        let profile = &core.focus.profile;
        let others: [(Outsider, bool); 2] = [(vandal, profile.junk), (intruder, profile.locks)];
        for (other, always) in others {
            if core.pick(3) == 0 || always {
                running.clients.push(other(running.system));
            }
        }
        if profile.scribbles {
            running.clients.push(scribbler(running.system));
        }
        for service in 0..running.system.services.len() {
            for _ in 0..running.system.plan.replicas {
                running.start(service, running.system.core.pick(2) == 0);
            }
        }
        running
    }

    /// `guarded`: the replica finds that its last run crashed.
    pub fn start(&mut self, service: usize, guarded: bool) {
        self.members += 1;
        let (member, stop) = (self.members, Stop::default());
        let tasks = (self.system.services[service].start)(Run { member, guarded, stop: stop.clone() });
        self.replicas.insert(member, Replica { service, tasks, stop, frozen_until: 0 });
    }

    /// The service's name, which is its group's.
    pub fn name(&self, service: usize) -> &'static str {
        self.system.services[service].handle.name()
    }

    /// Drives everything until nothing is left to do. `false`: that did not come about.
    pub fn come_to_rest(&mut self) -> (u64, bool) {
        let core = self.system.core.clone();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let step = core.step();
            if step == self.system.plan.faulty_steps {
                core.end_faults();
                self.mend();
                lock(&self.system.kafka).away.clear();
                while lock(&self.system.kafka).arrive_late() {}
                self.system.late.iter().for_each(|late| while (late.land)() {});
            }
            if step.is_multiple_of(256) {
                self.send_again();
                if self.rests(step) {
                    return (step, true);
                }
            }
            if step > LAST_STEP {
                return (step, false);
            }
            self.faults(step);
            self.meddlers.iter_mut().for_each(|meddle| meddle());
            if step.is_multiple_of(16) {
                self.time_out();
                if self.findings.is_empty() {
                    self.findings = check::at_any_moment(self.system, step.saturating_sub(self.last_fault()));
                }
            }
            self.poll_one(&mut context, step);
        }
    }

    fn mend(&self) {
        self.system.services.iter().for_each(|service| service.handle.model.mend());
    }

    /// An operator sends dead messages again that were set aside for a crash: by then the process lives.
    fn send_again(&mut self) {
        let system = self.system;
        if system.core.has_faults() {
            return;
        }
        let blamed: Vec<Position> =
            system.services.iter().flat_map(|service| check::blamed(&service.handle.model)).collect();
        for position in blamed {
            if self.sent_again.insert(position.clone()) {
                system.core.report(|| format!("an operator sends {position:?} again"));
                system.core.count("dead letter", "sent again by an operator");
                lock(&system.kafka).append_again(&position);
            }
        }
    }

    fn last_fault(&self) -> u64 {
        self.system.plan.faulty_steps.max(self.last_thaw)
    }

    /// Nothing is left to do, and a replica that was frozen has had time to do what it was about to do.
    fn rests(&self, step: u64) -> bool {
        step > self.system.plan.faulty_steps
            && step > self.last_thaw + 512
            && self.clients.is_empty()
            && self.system.late.iter().all(|late| (late.is_quiet)())
            && check::rests(self.system)
    }

    /// Lets a replica or a client go on that has something to do.
    fn poll_one(&mut self, context: &mut Context<'_>, step: u64) {
        for _ in 0..TRIES {
            let chosen = self.system.core.pick(self.replicas.len() + self.clients.len().min(1));
            let polled = match self.replicas.keys().nth(chosen).copied() {
                Some(member) => self.poll_replica(member, context, step),
                None => self.poll_client(context, step),
            };
            if polled {
                return;
            }
        }
    }

    fn poll_replica(&mut self, member: u64, context: &mut Context<'_>, step: u64) -> bool {
        let core = &self.system.core;
        let Some(replica) = self.replicas.get_mut(&member) else { return false };
        let chosen = core.pick(replica.tasks.len());
        let task = &mut replica.tasks[chosen];
        if replica.frozen_until > step || task.wakes_at > step {
            return false;
        }
        core.drive(member);
        if task.poll(core, context) {
            drop(replica.tasks.swap_remove(chosen));
        }
        if replica.tasks.is_empty() {
            self.stopped(member);
        } else if core.process_ends() || core.is_aimed(Fault::Killed) {
            self.crash(member);
        } else if core.is_aimed(Fault::Frozen) {
            self.freeze(member, step);
        } else if core.is_aimed(Fault::Rebalanced) {
            let service = self.replicas[&member].service;
            self.rebalance(self.name(service));
        }
        true
    }

    fn poll_client(&mut self, context: &mut Context<'_>, step: u64) -> bool {
        let core = &self.system.core;
        let chosen = core.pick(self.clients.len());
        if self.clients.get(chosen).is_none_or(|client| client.wakes_at > step) {
            return false;
        }
        core.drive(0);
        if self.clients[chosen].poll(core, context) {
            drop(self.clients.swap_remove(chosen));
        }
        true
    }
}

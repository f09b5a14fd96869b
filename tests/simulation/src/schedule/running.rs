//! Drives all tasks, one poll at a time, and lets faults strike in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    task::{Context, Waker},
};

use choreography_core::{delivery::Position, intents::Nobody};
use payment::outside::ProviderCalls;
use shipping::outside::CarrierCalls;

use super::{
    LAST_STEP, LIFETIME, Shop, clients::clients, intruder::intruder, junk::vandal, scribbler::scribbler,
    stock_taker::stock_taker,
};
use crate::{
    check,
    core::lock,
    faults::Fault,
    replica::{Run, Stop, Task, tasks},
    requests::Requests,
};

pub(super) const GROUPS: [&str; 4] = ["order", "inventory", "payment", "shipping"];

/// Who does something to the shop now and then.
type Somebody = fn(&Shop) -> Task;

/// How often somebody is looked for who has something to do, in a step.
const TRIES: usize = 4;

pub struct Replica {
    pub service: usize,
    pub tasks: Vec<Task>,
    pub stop: Stop,
    /// It does nothing until then.
    pub frozen_until: u64,
}

pub struct Running<'a> {
    pub shop: &'a Shop,
    pub replicas: BTreeMap<u64, Replica>,
    clients: Vec<Task>,
    members: u64,
    /// Nobody is frozen after this step.
    pub last_thaw: u64,
    /// Messages that somebody sent again.
    sent_again: BTreeSet<Position>,
    /// How much of shipping's topic was looked at for a planted bug.
    pub forged: usize,
    pub findings: Vec<String>,
}

impl<'a> Running<'a> {
    /// One or two replicas of each service.
    pub fn new(shop: &'a Shop) -> Self {
        let mut running = Self {
            shop,
            replicas: BTreeMap::new(),
            clients: clients(shop),
            members: 0,
            last_thaw: 0,
            sent_again: BTreeSet::new(),
            forged: 0,
            findings: Vec::new(),
        };
        let core = &shop.core;
        let profile = &core.focus.profile;
        let others: [(Somebody, bool); 3] = [(stock_taker, false), (vandal, profile.junk), (intruder, profile.locks)];
        for (other, always) in others {
            if core.pick(3) == 0 || always {
                running.clients.push(other(shop));
            }
        }
        if profile.scribbles {
            running.clients.push(scribbler(shop));
        }
        for service in 0..GROUPS.len() {
            for _ in 0..shop.plan.replicas {
                running.start(service, core.pick(2) == 0);
            }
        }
        running
    }

    /// `careful`: the replica finds that its last run crashed.
    pub fn start(&mut self, service: usize, careful: bool) {
        self.members += 1;
        let (shop, member) = (self.shop, self.members);
        let (core, kafka, world) = (&shop.core, &shop.kafka, shop.world.clone());
        let stop = Stop::default();
        let run = Run { member, careful, stop: stop.clone() };
        let tasks = match service {
            0 => tasks(core, kafka, &shop.order, Arc::new(Nobody), &shop.order_requests, run),
            1 => tasks(core, kafka, &shop.inventory, Arc::new(Nobody), &shop.inventory_requests, run),
            2 => {
                let calls = Arc::new(ProviderCalls::new(world, LIFETIME));
                tasks(core, kafka, &shop.payment, calls, &Requests::default(), run)
            }
            _ => {
                let calls = Arc::new(CarrierCalls::new(world, LIFETIME));
                tasks(core, kafka, &shop.shipping, calls, &Requests::default(), run)
            }
        };
        self.replicas.insert(member, Replica { service, tasks, stop, frozen_until: 0 });
    }

    /// Drives everything until nothing is left to do. `false`: that did not come about.
    pub fn come_to_rest(&mut self) -> (u64, bool) {
        let core = self.shop.core.clone();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let step = core.step();
            if step == self.shop.plan.faulty_steps {
                core.end_faults();
                self.mend();
                lock(&self.shop.kafka).away.clear();
                while lock(&self.shop.kafka).arrive_late() {}
                while self.shop.world.land_late() {}
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
            self.forge();
            if step.is_multiple_of(16) {
                self.time_out();
                if self.findings.is_empty() {
                    self.findings = check::at_any_moment(self.shop, step.saturating_sub(self.last_fault()));
                }
            }
            self.poll_one(&mut context, step);
        }
    }

    fn mend(&self) {
        self.shop.order.mend();
        self.shop.inventory.mend();
        self.shop.payment.mend();
        self.shop.shipping.mend();
    }

    /// Whoever decides about dead messages sends those again that were set aside for a crash: by then the process lives.
    fn send_again(&mut self) {
        let shop = self.shop;
        if shop.core.has_faults() {
            return;
        }
        let mut blamed = check::blamed(&shop.order);
        blamed.extend(check::blamed(&shop.inventory));
        blamed.extend(check::blamed(&shop.payment));
        blamed.extend(check::blamed(&shop.shipping));
        for position in blamed {
            if self.sent_again.insert(position.clone()) {
                shop.core.tell(|| format!("somebody sends {position:?} again"));
                shop.core.count("dead letter", "sent again by somebody");
                lock(&shop.kafka).append_again(&position);
            }
        }
    }

    fn last_fault(&self) -> u64 {
        self.shop.plan.faulty_steps.max(self.last_thaw)
    }

    /// Whoever was frozen has had time to do what it was about to do.
    fn rests(&self, step: u64) -> bool {
        step > self.shop.plan.faulty_steps
            && step > self.last_thaw + 512
            && self.clients.is_empty()
            && self.shop.world.is_quiet()
            && check::rests(self.shop)
    }

    /// Lets somebody go on who has something to do.
    fn poll_one(&mut self, context: &mut Context<'_>, step: u64) {
        for _ in 0..TRIES {
            let chosen = self.shop.core.pick(self.replicas.len() + self.clients.len().min(1));
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
        let core = &self.shop.core;
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
            self.rebalance(GROUPS[service]);
        }
        true
    }

    fn poll_client(&mut self, context: &mut Context<'_>, step: u64) -> bool {
        let core = &self.shop.core;
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

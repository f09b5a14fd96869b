//! Drives all tasks, one poll at a time, and lets faults strike in between.

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Waker},
};

use engine::intents::Nobody;
use inventory::Inventory;
use payment::{Payment, outside::ProviderCalls};
use shipping::{Shipping, outside::CarrierCalls};

use super::{FAULTY_STEPS, LAST_STEP, LIFETIME, PARTICIPANT, Shop, clients::clients};
use crate::{
    check,
    core::lock,
    database::Timeouts,
    replica::{Task, tasks},
};

pub(super) const GROUPS: [&str; 4] = ["order", "inventory", "payment", "shipping"];

pub struct Replica {
    pub service: usize,
    pub tasks: Vec<Task>,
    /// It does nothing until then.
    pub frozen_until: u64,
}

pub struct Running<'a> {
    pub shop: &'a Shop,
    pub replicas: BTreeMap<u64, Replica>,
    clients: Vec<Task>,
    pub timeouts: Timeouts,
    members: u64,
    faulty_steps: u64,
    /// Nobody is frozen after this step.
    pub last_thaw: u64,
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
            timeouts: Self::timeouts(shop),
            members: 0,
            faulty_steps: FAULTY_STEPS[shop.core.pick(2)],
            last_thaw: 0,
            forged: 0,
            findings: Vec::new(),
        };
        let replicas = shop.core.pick(2) + 1;
        for service in 0..GROUPS.len() {
            for _ in 0..replicas {
                running.start(service);
            }
        }
        running
    }

    pub fn start(&mut self, service: usize) {
        self.members += 1;
        let (shop, member) = (self.shop, self.members);
        let (core, kafka, world) = (&shop.core, &shop.kafka, shop.world.clone());
        let tasks = match service {
            0 => tasks(core, kafka, &shop.order, &Arc::new(PARTICIPANT), Arc::new(Nobody), member),
            1 => tasks(core, kafka, &shop.inventory, &Arc::new(Inventory), Arc::new(Nobody), member),
            2 => {
                let calls = Arc::new(ProviderCalls::new(world, LIFETIME));
                tasks(core, kafka, &shop.payment, &Arc::new(Payment), calls, member)
            }
            _ => {
                let calls = Arc::new(CarrierCalls::new(world, LIFETIME));
                tasks(core, kafka, &shop.shipping, &Arc::new(Shipping), calls, member)
            }
        };
        self.replicas.insert(member, Replica { service, tasks, frozen_until: 0 });
    }

    /// Drives everything until nothing is left to do. `false`: that did not come about.
    pub fn come_to_rest(&mut self) -> (u64, bool) {
        let core = self.shop.core.clone();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let step = core.step();
            if step == self.faulty_steps {
                core.end_faults();
                lock(&self.shop.kafka).away.clear();
                while lock(&self.shop.kafka).arrive_late() {}
            }
            if step.is_multiple_of(256) && self.rests(step) {
                return (step, true);
            }
            if step > LAST_STEP {
                return (step, false);
            }
            self.faults(step);
            self.forge();
            if step.is_multiple_of(16) {
                self.time_out();
                if self.findings.is_empty() {
                    self.findings = check::money_held_at_the_end(self.shop);
                }
            }
            self.poll_one(&mut context, step);
        }
    }

    /// Whoever was frozen has had time to do what it was about to do.
    fn rests(&self, step: u64) -> bool {
        step > self.faulty_steps && step > self.last_thaw + 512 && self.clients.is_empty() && check::rests(self.shop)
    }

    fn poll_one(&mut self, context: &mut Context<'_>, step: u64) {
        let core = &self.shop.core;
        let others = self.replicas.len();
        let chosen = core.pick(others + self.clients.len().min(1));
        if let Some(replica) = self.replicas.values_mut().nth(chosen) {
            let task = core.pick(replica.tasks.len());
            if replica.frozen_until <= step {
                // The loops of a replica never end by themselves.
                let _ = replica.tasks[task].as_mut().poll(context);
            }
        } else if !self.clients.is_empty() {
            let client = core.pick(self.clients.len());
            if self.clients[client].as_mut().poll(context).is_ready() {
                drop(self.clients.swap_remove(client));
            }
        }
    }
}

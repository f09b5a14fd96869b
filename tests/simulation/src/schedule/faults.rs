//! What strikes between two steps: kill -9, frozen processes, rebalances, late messages, the server's time-outs.

use chrono::TimeDelta;

use super::{
    Shop,
    running::{GROUPS, Running},
};
use crate::{core::lock, database::Timeouts};

/// A service has at most so many replicas because others are frozen.
const REPLICAS: usize = 3;
/// How long a replica may be frozen: far longer than leases, and than idle transactions may live.
const LONGEST_FREEZE: usize = 2_500;
/// A topic is closed for so long, up to nine times.
const CLOSED: TimeDelta = TimeDelta::milliseconds(60);
const IDLE_IN_TRANSACTION: TimeDelta = TimeDelta::milliseconds(700);

impl Running<'_> {
    pub fn timeouts(shop: &Shop) -> Timeouts {
        let lock = [300, 1_500][shop.core.pick(2)];
        Timeouts { lock: TimeDelta::milliseconds(lock), idle_in_transaction: IDLE_IN_TRANSACTION }
    }

    pub fn faults(&mut self, step: u64) {
        let core = self.shop.core.clone();
        if core.fault(200) {
            self.crash();
        }
        if core.fault(600) {
            self.freeze(step);
        }
        if core.fault(150) {
            self.rebalance();
        }
        if core.fault(700) {
            self.close_topic();
        }
        if core.pick(20) == 0 {
            lock(&self.shop.kafka).arrive_late();
        }
    }

    pub fn time_out(&self) {
        self.shop.order.time_out(self.timeouts);
        self.shop.inventory.time_out(self.timeouts);
        self.shop.payment.time_out(self.timeouts);
        self.shop.shipping.time_out(self.timeouts);
    }

    /// kill -9: all tasks of a replica are dropped where they stand. Another takes its place.
    fn crash(&mut self) {
        let Some(member) = self.any_member() else { return };
        let Some(replica) = self.replicas.remove(&member) else { return };
        let group = GROUPS[replica.service];
        self.shop.core.tell(|| format!("{group} {member} crashes"));
        drop(replica.tasks);
        lock(&self.shop.kafka).leave(group, member);
        self.start(replica.service);
    }

    /// SIGSTOP: the group goes on without it, another replica is started, and later it wakes up where it stood.
    fn freeze(&mut self, step: u64) {
        let core = &self.shop.core;
        let time = u64::try_from(core.pick(LONGEST_FREEZE)).unwrap_or_default();
        let Some(member) = self.any_member() else { return };
        let Some(replica) = self.replicas.get_mut(&member) else { return };
        replica.frozen_until = step + time;
        self.last_thaw = self.last_thaw.max(step + time);
        let service = replica.service;
        core.tell(|| format!("{} {member} is frozen for {time} steps", GROUPS[service]));
        lock(&self.shop.kafka).leave(GROUPS[service], member);
        if self.replicas.values().filter(|other| other.service == service).count() < REPLICAS {
            self.start(service);
        }
    }

    /// The members of a group change places, each in the middle of whatever it does.
    fn rebalance(&mut self) {
        let group = GROUPS[self.shop.core.pick(GROUPS.len())];
        self.shop.core.tell(|| format!("{group} rebalances"));
        lock(&self.shop.kafka).rotate(group);
    }

    /// A topic takes nothing from anybody for a while.
    fn close_topic(&self) {
        let core = &self.shop.core;
        let all = contracts::topic::ALL;
        let topic = all[core.pick(all.len())];
        let until = core.now() + CLOSED * i32::try_from(core.pick(10)).unwrap_or_default();
        core.tell(|| format!("{topic} takes nothing until {until}"));
        lock(&self.shop.kafka).away.insert(topic.to_owned(), until);
    }

    fn any_member(&self) -> Option<u64> {
        let chosen = self.shop.core.pick(self.replicas.len());
        self.replicas.keys().nth(chosen).copied()
    }
}

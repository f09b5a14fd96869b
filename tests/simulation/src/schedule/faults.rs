//! What strikes between two steps: kill -9, frozen processes, rebalances, late messages, the server's time-outs.

use chrono::TimeDelta;

use super::running::{GROUPS, Running};
use crate::{core::lock, faults::Fault, focus::ANY};

/// A service has at most so many replicas because others are frozen.
const REPLICAS: usize = 3;
/// How long a replica may be frozen: far longer than leases, and than idle transactions may live.
const LONGEST_FREEZE: usize = 2_500;
/// A topic is closed for so long, up to nine times.
const CLOSED: TimeDelta = TimeDelta::milliseconds(60);

impl Running<'_> {
    pub fn faults(&mut self, step: u64) {
        let core = self.shop.core.clone();
        if core.would_strike(Fault::Killed)
            && let Some(member) = self.any_member()
        {
            self.crash(member);
        }
        if core.would_strike_at(Fault::Stopped, ANY)
            && let Some(member) = self.any_member()
        {
            self.stop(member);
        }
        if core.would_strike(Fault::Frozen)
            && let Some(member) = self.any_member()
        {
            self.freeze(member, step);
        }
        if core.would_strike(Fault::Rebalanced) {
            self.rebalance(GROUPS[core.pick(GROUPS.len())]);
        }
        if core.would_strike_at(Fault::TopicClosed, ANY) {
            self.close_topic();
        }
        if core.pick(20) == 0 {
            lock(&self.shop.kafka).arrive_late();
        }
        if core.pick(60) == 0 {
            self.shop.world.land_late();
        }
    }

    pub fn time_out(&self) {
        let timeouts = self.shop.plan.timeouts;
        self.shop.order.time_out(timeouts);
        self.shop.inventory.time_out(timeouts);
        self.shop.payment.time_out(timeouts);
        self.shop.shipping.time_out(timeouts);
    }

    /// kill -9: all tasks of a replica are dropped where they stand. Another takes its place.
    pub fn crash(&mut self, member: u64) {
        let Some(replica) = self.replicas.remove(&member) else { return };
        let group = GROUPS[replica.service];
        self.shop.core.tell(|| format!("{group} {member} crashes"));
        replica.tasks.iter().for_each(|task| self.shop.core.count_fault(Fault::Killed, task.at));
        match replica.service {
            0 => lock(&self.shop.order.state).died(member),
            1 => lock(&self.shop.inventory.state).died(member),
            2 => lock(&self.shop.payment.state).died(member),
            _ => lock(&self.shop.shipping.state).died(member),
        }
        drop(replica.tasks);
        lock(&self.shop.kafka).leave(group, member);
        self.start(replica.service, true);
    }

    /// SIGTERM: its loops end by themselves. Another takes its place then.
    fn stop(&self, member: u64) {
        let Some(replica) = self.replicas.get(&member) else { return };
        let core = &self.shop.core;
        core.tell(|| format!("{} {member} is to stop", GROUPS[replica.service]));
        core.count("replica", "is to stop");
        replica.stop.begin();
    }

    /// All its loops have ended.
    pub fn stopped(&mut self, member: u64) {
        let Some(replica) = self.replicas.remove(&member) else { return };
        let core = &self.shop.core;
        core.tell(|| format!("{} {member} has stopped", GROUPS[replica.service]));
        core.count("replica", "has stopped");
        self.start(replica.service, false);
    }

    /// SIGSTOP: the group goes on without it, another replica is started, and later it wakes up where it stood.
    pub fn freeze(&mut self, member: u64, step: u64) {
        let core = &self.shop.core;
        let time = u64::try_from(core.pick(LONGEST_FREEZE)).unwrap_or_default();
        let Some(replica) = self.replicas.get_mut(&member) else { return };
        replica.frozen_until = step + time;
        self.last_thaw = self.last_thaw.max(step + time);
        let service = replica.service;
        replica.tasks.iter().for_each(|task| core.count_fault(Fault::Frozen, task.at));
        core.tell(|| format!("{} {member} is frozen for {time} steps", GROUPS[service]));
        lock(&self.shop.kafka).leave(GROUPS[service], member);
        if self.replicas.values().filter(|other| other.service == service).count() < REPLICAS {
            self.start(service, false);
        }
    }

    /// The members of a group change places, each in the middle of whatever it does.
    pub fn rebalance(&mut self, group: &'static str) {
        self.shop.core.tell(|| format!("{group} rebalances"));
        let members = self.replicas.values().filter(|replica| GROUPS[replica.service] == group);
        members.flat_map(|member| &member.tasks).for_each(|task| {
            self.shop.core.count_fault(Fault::Rebalanced, task.at);
        });
        lock(&self.shop.kafka).rotate(group);
    }

    /// A topic takes nothing from anybody for a while.
    fn close_topic(&self) {
        let core = &self.shop.core;
        let all = contracts::topic::ALL;
        let topic = all[core.pick(all.len())];
        core.count("relay", "a topic takes nothing for a while");
        let until = core.now() + CLOSED * i32::try_from(core.pick(10)).unwrap_or_default();
        core.tell(|| format!("{topic} takes nothing until {until}"));
        lock(&self.shop.kafka).away.insert(topic.to_owned(), until);
    }

    fn any_member(&self) -> Option<u64> {
        let chosen = self.shop.core.pick(self.replicas.len());
        self.replicas.keys().nth(chosen).copied()
    }
}

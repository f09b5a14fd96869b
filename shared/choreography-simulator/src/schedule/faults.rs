//! What strikes between two steps: kill -9, frozen processes, rebalances, late messages, the server's time-outs.

use chrono::TimeDelta;

use super::run::Running;
use crate::{core::lock, faults::Fault, focus::ANY};

/// A service has at most so many replicas because others are frozen.
const REPLICAS: usize = 3;
/// How long a replica may be frozen: far longer than leases, and than idle transactions may live.
const LONGEST_FREEZE: usize = 2_500;
/// A topic is closed for so long, up to nine times.
const CLOSED: TimeDelta = TimeDelta::milliseconds(60);

impl Running<'_> {
    pub fn faults(&mut self, step: u64) {
        let core = self.system.core.clone();
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
            self.rebalance(self.name(core.pick(self.system.services.len())));
        }
        if core.would_strike_at(Fault::TopicClosed, ANY) {
            self.close_topic();
        }
        if core.pick(20) == 0 {
            lock(&self.system.kafka).arrive_late();
        }
        for late in &self.system.late {
            if core.pick(60) == 0 {
                (late.land)();
            }
        }
    }

    pub fn time_out(&self) {
        let timeouts = self.system.plan.timeouts;
        self.system.services.iter().for_each(|service| service.handle.model.time_out(timeouts));
    }

    /// kill -9: all tasks of a replica are dropped where they stand. Another takes its place.
    pub fn crash(&mut self, member: u64) {
        let Some(replica) = self.replicas.remove(&member) else { return };
        let group = self.name(replica.service);
        self.system.core.report(|| format!("{group} {member} crashes"));
        replica.tasks.iter().for_each(|task| self.system.core.count_fault(Fault::Killed, task.at));
        lock(&self.system.services[replica.service].handle.model.state).died(member);
        drop(replica.tasks);
        lock(&self.system.kafka).leave(group, member);
        self.start(replica.service, true);
    }

    /// SIGTERM: its loops end by themselves. Another takes its place then.
    fn stop(&self, member: u64) {
        let Some(replica) = self.replicas.get(&member) else { return };
        let core = &self.system.core;
        core.report(|| format!("{} {member} is to stop", self.name(replica.service)));
        core.count("replica", "is to stop");
        replica.stop.begin();
    }

    /// All its loops have ended.
    pub fn stopped(&mut self, member: u64) {
        let Some(replica) = self.replicas.remove(&member) else { return };
        let core = &self.system.core;
        core.report(|| format!("{} {member} has stopped", self.name(replica.service)));
        core.count("replica", "has stopped");
        self.start(replica.service, false);
    }

    /// SIGSTOP: the group goes on without it, another replica is started, and later it wakes up where it stood.
    pub fn freeze(&mut self, member: u64, step: u64) {
        let core = &self.system.core;
        let time = u64::try_from(core.pick(LONGEST_FREEZE)).unwrap_or_default();
        let Some(replica) = self.replicas.get_mut(&member) else { return };
        replica.frozen_until = step + time;
        self.last_thaw = self.last_thaw.max(step + time);
        let service = replica.service;
        let name = self.system.services[service].handle.name();
        replica.tasks.iter().for_each(|task| core.count_fault(Fault::Frozen, task.at));
        core.report(|| format!("{} {member} is frozen for {time} steps", name));
        lock(&self.system.kafka).leave(name, member);
        if self.replicas.values().filter(|other| other.service == service).count() < REPLICAS {
            self.start(service, false);
        }
    }

    /// The members of a group change places, each in the middle of whatever it does.
    pub fn rebalance(&mut self, group: &'static str) {
        self.system.core.report(|| format!("{group} rebalances"));
        let members = self.replicas.values().filter(|replica| self.name(replica.service) == group);
        members.flat_map(|member| &member.tasks).for_each(|task| {
            self.system.core.count_fault(Fault::Rebalanced, task.at);
        });
        lock(&self.system.kafka).rotate(group);
    }

    /// A topic takes no message for a while.
    fn close_topic(&self) {
        let core = &self.system.core;
        let all = self.system.topics();
        let Some(topic) = all.get(core.pick(all.len())) else { return };
        core.count("relay", "a topic takes nothing for a while");
        let until = core.now() + CLOSED * i32::try_from(core.pick(10)).unwrap_or_default();
        core.report(|| format!("{topic} takes nothing until {until}"));
        lock(&self.system.kafka).away.insert((*topic).to_owned(), until);
    }

    fn any_member(&self) -> Option<u64> {
        let chosen = self.system.core.pick(self.replicas.len());
        self.replicas.keys().nth(chosen).copied()
    }
}

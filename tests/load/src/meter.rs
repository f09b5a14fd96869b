//! Processor time of every process, at two moments.

use local::{Service, System, cpu};

/// Processor seconds since each process began.
#[derive(Debug, Clone)]
pub struct Reading {
    processes: Vec<(&'static str, f64)>,
    /// All of the machine, except idle.
    machine: Option<f64>,
}

/// What was spent between two readings.
#[derive(Debug, Clone)]
pub struct Spent {
    pub processes: Vec<(&'static str, f64)>,
    /// By processes that are no part of the system, and by the kernel for nobody.
    pub others: Option<f64>,
}

impl Spent {
    pub fn total(&self) -> f64 {
        self.processes.iter().map(|(_, seconds)| seconds).sum()
    }
}

/// Reads all. What does not run or can't be read counts as 0.
pub fn read(system: &System) -> Reading {
    let of = |pid: Option<u32>| pid.and_then(cpu::cpu_seconds_of_tree).unwrap_or_default();
    let mut processes = vec![
        ("broker", of(system.broker.kafka().map(local::Kafka::pid))),
        ("PostgreSQL", of(system.postgres.pid())),
        ("sandbox", of(Some(system.sandbox().process.pid()))),
    ];
    for service in Service::SHOP {
        processes.push((service.name(), of(system.find(service.name()).map(|running| running.process.pid()))));
    }
    // Not the tree: that holds all of the others.
    processes.push(("this program", cpu::cpu_seconds(std::process::id()).unwrap_or_default()));
    Reading { processes, machine: machine() }
}

impl Reading {
    /// What was spent since `before`.
    pub fn since(&self, before: &Self) -> Spent {
        let pairs = self.processes.iter().zip(&before.processes);
        let processes: Vec<_> = pairs.map(|((name, now), (_, before))| (*name, now - before)).collect();
        let ours: f64 = processes.iter().map(|(_, seconds)| seconds).sum();
        let machine = self.machine.zip(before.machine).map(|(now, before)| now - before);
        Spent { others: machine.map(|all| (all - ours).max(0.0)), processes }
    }
}

/// user, nice, system, irq, softirq and steal of `/proc/stat`, which counts in hundredths of a second.
fn machine() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        text.lines().next()?.split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
    let busy: u64 = [0, 1, 2, 5, 6, 7].into_iter().filter_map(|column| ticks.get(column)).sum();
    Some(busy as f64 / 100.0)
}

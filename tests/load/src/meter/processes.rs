//! Processor time, context switches and memory of every process, at two moments.

use local::cpu;

use super::Part;

/// What a part of the system has spent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Process {
    pub name: &'static str,
    pub cpu_seconds: f64,
    /// Of threads that live.
    pub context_switches: u64,
    /// Most bytes that one of its replicas has had; `None` where it is many processes that share theirs.
    pub peak_memory: Option<u64>,
    /// Segments with data sent to PostgreSQL.
    pub round_trips: u64,
    /// Segments with data sent to Kafka.
    pub kafka_requests: u64,
}

/// Since each process began.
pub struct Reading {
    processes: Vec<Process>,
    /// Processor seconds of all of the machine, except idle ones.
    machine: Option<f64>,
}

/// What does not run or can't be read counts as 0.
pub fn read(parts: &[Part]) -> Reading {
    Reading { processes: parts.iter().map(of_part).collect(), machine: machine() }
}

fn of_part(part: &Part) -> Process {
    let cpu_seconds = if part.tree { cpu::cpu_seconds_of_tree } else { cpu::cpu_seconds };
    let members = |pid: &u32| if part.tree { cpu::process_tree(*pid) } else { vec![*pid] };
    let pids: Vec<u32> = part.pids.iter().flat_map(members).collect();
    Process {
        name: part.name,
        cpu_seconds: part.pids.iter().filter_map(|pid| cpu_seconds(*pid)).sum(),
        context_switches: cpu::context_switches(&pids),
        peak_memory: if pids.len() > part.pids.len() {
            None
        } else {
            pids.into_iter().filter_map(cpu::peak_memory).max()
        },
        ..Process::default()
    }
}

impl Reading {
    /// What was spent since `before`, and what others have.
    pub fn since(&self, before: &Self) -> (Vec<Process>, Option<f64>) {
        let pairs = self.processes.iter().zip(&before.processes);
        let processes: Vec<Process> = pairs
            .map(|(now, before)| Process {
                cpu_seconds: now.cpu_seconds - before.cpu_seconds,
                context_switches: now.context_switches.saturating_sub(before.context_switches),
                ..*now
            })
            .collect();
        let ours: f64 = processes.iter().map(|process| process.cpu_seconds).sum();
        let machine = self.machine.zip(before.machine).map(|(now, before)| now - before);
        (processes, machine.map(|all| (all - ours).max(0.0)))
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

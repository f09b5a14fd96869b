//! Processor time, context switches and memory of processes, as the kernel counts them. Linux only: elsewhere `None`.

use std::collections::HashMap;

struct Stat {
    state: char,
    parent: u32,
    ticks: u64,
}

/// Seconds of processor time (user and system, all threads) that `pid` and its ended and awaited
/// children have used. `None` if there is no such process.
#[must_use]
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    Some(seconds(read(pid)?.ticks))
}

/// Like [`cpu_seconds`] with every living descendant added: PostgreSQL is one process per
/// connection.
#[must_use]
pub fn cpu_seconds_of_tree(pid: u32) -> Option<f64> {
    let all = all_processes();
    all.get(&pid)?;
    let tree = members(pid, &all);
    let stats = tree.iter().filter_map(|member| all.get(member));
    Some(seconds(stats.map(|stat| stat.ticks).sum()))
}

/// Seconds of processor time of those threads of `pid` that live and whose name begins so. The kernel keeps 15 bytes of a name.
#[must_use]
pub fn cpu_seconds_of_threads(pid: u32, name: &str) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let named = tasks
        .map(|task| task.path())
        .filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with(name)));
    let nanoseconds = named.filter_map(|task| {
        let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

/// How often the threads of these processes were taken off a processor, or left it to wait. Threads that have ended are
/// not in it.
#[must_use]
pub fn context_switches(pids: &[u32]) -> u64 {
    let tasks = pids.iter().filter_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).ok());
    let texts = tasks.flat_map(|tasks| tasks.flatten()).map(|task| std::fs::read_to_string(task.path().join("status")));
    texts.map(|text| switches(&text.unwrap_or_default())).sum()
}

/// Of a thread's `status`, both kinds.
fn switches(status: &str) -> u64 {
    let counts = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
    counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum()
}

/// Most bytes of memory that a process has had since it began, shared ones included (`VmHWM`).
#[must_use]
pub fn peak_memory(pid: u32) -> Option<u64> {
    peak(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn peak(status: &str) -> Option<u64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?;
    Some(kilobytes.trim().parse::<u64>().ok()? * 1_024)
}

/// `pid` and every living descendant, parents first; empty if there is no such process.
#[must_use]
pub fn process_tree(pid: u32) -> Vec<u32> {
    let all = all_processes();
    if all.contains_key(&pid) { members(pid, &all) } else { Vec::new() }
}

/// Is there such a process, and has it not ended? One that ended but was not awaited counts as ended.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    read(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

fn members(root: u32, all: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

fn all_processes() -> HashMap<u32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read(pid)?)))
        .collect()
}

fn read(pid: u32) -> Option<Stat> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(stat: &str) -> Option<Stat> {
    // The command's name stands in brackets and may itself hold spaces and brackets.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks.filter_map(|field| field.parse::<u64>().ok()).sum(),
    })
}

#[allow(clippy::cast_precision_loss)]
fn seconds(ticks: u64) -> f64 {
    // SAFETY: sysconf only reads a constant of the system.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1);
    ticks as f64 / per_second as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 99";
        let stat = parse(line).map(|stat| (stat.parent, stat.ticks));
        assert_eq!(stat, Some((3, 100)));
    }

    #[test]
    fn both_kinds_of_context_switches_count() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(switches(status), 42);
    }

    #[test]
    fn the_peak_of_memory_is_in_kilobytes() {
        assert_eq!(peak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 100 kB\n"), Some(2_097_152));
        assert_eq!(peak("Name:\tkernel\n"), None);
    }

    #[test]
    fn a_tree_holds_its_root() {
        let me = std::process::id();
        assert_eq!(process_tree(me).first(), Some(&me));
        // In this order: it grows between the two.
        let mine = cpu_seconds(me);
        assert!(cpu_seconds_of_tree(me) >= mine);
    }
}

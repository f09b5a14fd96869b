//! Starts children that die with this process, however it dies.

use std::{
    io,
    process::{Child, Command},
    sync::mpsc::{Sender, channel},
    sync::{LazyLock, Mutex},
};

type Job = (Command, Sender<io::Result<Child>>);

/// The kernel ties a child to the *thread* that started it, and async runtimes end their threads
/// when idle. This one lives as long as the process.
static SPAWNER: LazyLock<Option<Mutex<Sender<Job>>>> = LazyLock::new(|| {
    let (jobs, queue) = channel::<Job>();
    std::thread::Builder::new()
        .name("spawner".into())
        .spawn(move || {
            for (mut command, reply) in queue {
                let _ = reply.send(command.spawn());
            }
        })
        .ok()
        .map(|_| Mutex::new(jobs))
});

/// Starts `command` as the leader of its own process group; the kernel sends it `on_orphaned` when
/// this process ends (Linux; elsewhere only dropping its handle ends it).
pub(super) fn spawn(mut command: Command, on_orphaned: i32) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    tie_to_us(&mut command, on_orphaned);
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (reply, answer) = channel();
    let jobs = SPAWNER.as_ref().ok_or_else(gone)?;
    jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

#[cfg(target_os = "linux")]
fn tie_to_us(command: &mut Command, on_orphaned: i32) {
    use std::os::unix::process::CommandExt;
    let us = std::process::id();
    let ask = move || {
        // SAFETY: prctl and getppid are async-signal-safe and touch no memory of ours. The
        // standard library changes user before it calls this, which matters: a change of user
        // afterwards would clear the setting.
        let (set, parent) = unsafe {
            let set = libc::prctl(libc::PR_SET_PDEATHSIG, on_orphaned);
            (set, libc::getppid())
        };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
        // We may have died before the setting took hold.
        if u32::try_from(parent) != Ok(us) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: `ask` allocates nothing and takes no lock.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn tie_to_us(_command: &mut Command, _on_orphaned: i32) {}

//! A child process: started, watched, signalled, and dead when its handle is dropped.

mod log_tail;
mod ready;
mod spawner;
mod spec;

use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use log_tail::log_tail;
pub use spec::{ProcessSpec, RunAs};

use crate::{LocalError, Result, cpu};

/// How often an ending process is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A running child in a process group of its own: Ctrl-C in the terminal reaches this process
/// alone, which ends its children in order. Dropping it kills the whole group with -9.
#[derive(Debug)]
pub struct ServiceProcess {
    spec: ProcessSpec,
    pid: u32,
    /// A signal is sent under this lock and only to a child not yet awaited, so that it can never
    /// hit another process that was given the same id.
    child: Mutex<Child>,
}

impl ServiceProcess {
    /// Starts it.
    ///
    /// # Errors
    /// [`LocalError::Io`] when the program cannot be started or its log cannot be written.
    pub fn spawn(spec: ProcessSpec) -> Result<Self> {
        let command = spec.command()?;
        let child = spawner::spawn(command, spec.on_orphaned).map_err(LocalError::io(format!(
            "starting {} ({})",
            spec.name,
            spec.program.display()
        )))?;
        Ok(Self { pid: child.id(), child: Mutex::new(child), spec })
    }

    /// Its process id, which is its process group's too.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// What it was started with: spawn that again and it is restarted.
    #[must_use]
    pub fn spec(&self) -> &ProcessSpec {
        &self.spec
    }

    /// Where its output goes.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.spec.log_path
    }

    /// The last `lines` lines of its output.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        log_tail(&self.spec.log_path, lines)
    }

    /// Processor time of it and its descendants in seconds; `None` once it has ended.
    #[must_use]
    pub fn cpu_seconds(&self) -> Option<f64> {
        cpu::cpu_seconds_of_tree(self.pid)
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// [`LocalError::Io`] when the kernel does not say.
    pub fn exit_status(&self) -> Result<Option<ExitStatus>> {
        let status = self.lock().try_wait();
        status.map_err(LocalError::io(format!("waiting for {}", self.spec.name)))
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// [`LocalError::Gone`] when it has ended already.
    pub fn terminate(&self) -> Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// Stops it where it stands (SIGSTOP), with everything in its process group.
    ///
    /// # Errors
    /// [`LocalError::Gone`] when it has ended already.
    pub fn freeze(&self) -> Result<()> {
        self.signal_group(libc::SIGSTOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// [`LocalError::Gone`] when it has ended already.
    pub fn thaw(&self) -> Result<()> {
        self.signal_group(libc::SIGCONT)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// [`LocalError::Gone`] when it has ended already.
    pub fn signal(&self, signal: i32) -> Result<()> {
        self.send(self.target(), signal)
    }

    /// Kills its group with -9 and waits for it to be gone. Nothing to do if it has ended.
    ///
    /// # Errors
    /// [`LocalError::Io`] when the kernel refuses.
    pub fn kill(&self) -> Result<ExitStatus> {
        match self.signal_group(libc::SIGKILL) {
            Ok(()) | Err(LocalError::Gone { .. }) => {}
            Err(error) => return Err(error),
        }
        let status = self.lock().wait();
        status.map_err(LocalError::io(format!("waiting for {}", self.spec.name)))
    }

    /// Waits for it to end.
    ///
    /// # Errors
    /// [`LocalError::NotInTime`] when it still runs after `timeout`.
    pub async fn wait_exit(&self, timeout: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            if start.elapsed() >= timeout {
                return Err(self.too_late("ended", timeout, "still running".into()));
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Asks it to end and waits; kills it with -9 if it takes longer than `patience`.
    ///
    /// # Errors
    /// [`LocalError::NotInTime`] when it had to be killed: it is gone all the same.
    pub async fn stop(&self, patience: Duration) -> Result<ExitStatus> {
        match self.terminate() {
            Ok(()) | Err(LocalError::Gone { .. }) => {}
            Err(error) => return Err(error),
        }
        let ended = self.wait_exit(patience).await;
        if ended.is_err() {
            self.kill()?;
        }
        ended
    }

    fn target(&self) -> i32 {
        // A process id always fits; 0 would mean this process, so an impossible id stands for no process.
        i32::try_from(self.pid).unwrap_or(i32::MAX)
    }

    fn signal_group(&self, signal: i32) -> Result<()> {
        self.send(-self.target(), signal)
    }

    fn send(&self, target: i32, signal: i32) -> Result<()> {
        let mut child = self.lock();
        if let Ok(Some(status)) = child.try_wait() {
            return Err(LocalError::Gone { name: self.spec.name.clone(), status: status.to_string(), signal });
        }
        // SAFETY: kill takes two integers; the child is not awaited, so its id is still its own.
        if unsafe { libc::kill(target, signal) } == 0 {
            return Ok(());
        }
        let what = format!("sending signal {signal} to {}", self.spec.name);
        Err(LocalError::io(what)(std::io::Error::last_os_error()))
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

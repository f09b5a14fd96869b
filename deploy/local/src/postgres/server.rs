//! A private server's process: started, ended gently or by -9, started again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};

use crate::{LocalError, ProcessSpec, Result, ServiceProcess, cpu};

const UP: Duration = Duration::from_secs(120);
const DOWN: Duration = Duration::from_secs(60);
const CHILDREN_GONE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Server {
    spec: ProcessSpec,
    process: Mutex<Arc<ServiceProcess>>,
}

impl Server {
    pub fn spawn(spec: ProcessSpec) -> Result<Self> {
        let process = ServiceProcess::spawn(spec.clone())?;
        Ok(Self { spec, process: Mutex::new(Arc::new(process)) })
    }

    pub fn process(&self) -> Arc<ServiceProcess> {
        Arc::clone(&self.current())
    }

    pub async fn wait_up(&self, url: &str) -> Result<()> {
        let look = || async { connect(url).await.map_err(|error| error.to_string()) };
        self.process().wait_until("answering", UP, look).await
    }

    /// SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for clients to leave.
    pub async fn stop(&self) -> Result<()> {
        let process = self.process();
        match process.signal(libc::SIGINT) {
            Ok(()) | Err(LocalError::Gone { .. }) => {}
            Err(error) => return Err(error),
        }
        let ended = process.wait_exit(DOWN).await;
        if ended.is_err() {
            self.kill()?;
        }
        ended.map(drop)
    }

    /// Immediate shutdown: as abrupt for the data as -9, but the server removes what the kernel
    /// holds for it (a shared memory segment).
    fn end_now(&self) -> Result<()> {
        self.signal_tree(libc::SIGCONT)?;
        let process = self.process();
        process.signal(libc::SIGQUIT)?;
        let start = Instant::now();
        while process.exit_status()?.is_none() && start.elapsed() < CHILDREN_GONE {
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// -9 for the server and all its children, as when the machine's power goes: children left
    /// alive would keep the data directory locked against a restart.
    pub fn kill(&self) -> Result<()> {
        let process = self.process();
        // Frozen, it makes no child between the list and the end.
        match process.freeze() {
            Ok(()) => {}
            Err(LocalError::Gone { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        let children = cpu::process_tree(process.pid());
        let children = children.into_iter().skip(1).collect::<Vec<_>>();
        process.kill()?;
        signal_all(&children, libc::SIGKILL);
        wait_gone(&children)
    }

    pub async fn restart(&self, url: &str) -> Result<()> {
        self.stop().await?;
        *self.current() = Arc::new(ServiceProcess::spawn(self.spec.clone())?);
        self.wait_up(url).await
    }

    /// The server first: frozen, it makes no child that the list would miss.
    pub fn signal_tree(&self, signal: i32) -> Result<()> {
        let process = self.process();
        process.signal(signal)?;
        let children = cpu::process_tree(process.pid());
        signal_all(children.get(1..).unwrap_or_default(), signal);
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Arc<ServiceProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.end_now();
        let _ = self.kill();
    }
}

async fn connect(url: &str) -> sqlx::Result<()> {
    PgConnection::connect(url).await?.close().await
}

fn signal_all(pids: &[u32], signal: i32) {
    for pid in pids.iter().filter_map(|pid| i32::try_from(*pid).ok()) {
        // SAFETY: kill takes two integers.
        unsafe { libc::kill(pid, signal) };
    }
}

fn wait_gone(pids: &[u32]) -> Result<()> {
    let start = Instant::now();
    while pids.iter().any(|pid| cpu::is_running(*pid)) {
        if start.elapsed() >= CHILDREN_GONE {
            let slow = std::io::Error::other(format!("still there after {CHILDREN_GONE:?}"));
            return Err(LocalError::io("killing PostgreSQL's children")(slow));
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

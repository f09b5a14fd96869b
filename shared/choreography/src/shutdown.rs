//! How a service ends: when it is told to, within its time limit, whatever is frozen.

use std::{
    sync::mpsc::{RecvTimeoutError::Disconnected, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// The time that the process may take to end after the drain is over.
const LEAVING: Duration = Duration::from_secs(3);

/// Cancelled once SIGTERM or SIGINT comes.
pub(crate) fn told_to_stop() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = CancellationToken::new();
    let tell = told.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tell.cancel();
    });
    Ok(told)
}

/// While this is kept, the process ends in its time.
pub(crate) struct End {
    _kept: Sender<()>,
    _watch: Option<JoinHandle<()>>,
}

impl End {
    /// The process ends, also by itself.
    pub fn stays(self) {
        std::mem::forget(self);
    }
}

/// From here on the process ends within `limit`, if need be by itself: a call into a frozen broker keeps a thread, and
/// a runtime waits for its threads.
pub(crate) fn end_within(limit: Duration) -> End {
    let (kept, dropped) = channel();
    let ended = std::thread::Builder::new().name("end".into()).spawn(move || {
        if dropped.recv_timeout(limit + LEAVING) == Err(Disconnected) {
            return;
        }
        error!(
            "not drained within {limit:?}: something does not answer. What was under way is repeated after the restart"
        );
        // Handlers at the exit could wait for the same.
        let last = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(LEAVING);
            let _ = kill_process(getpid(), Signal::KILL);
        });
        if let Err(cause) = last {
            error!(%cause, "no thread is left to end the process by force");
        }
        std::process::exit(1);
    });
    let watch = ended.inspect_err(|cause| error!(%cause, "the end of the process is not watched")).ok();
    End { _kept: kept, _watch: watch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_goes_on_is_not_ended() {
        let End { _kept: kept, _watch: watch } = end_within(Duration::from_secs(60));
        drop(kept);
        watch.unwrap().join().unwrap();
    }
}

//! Whether the loops move. Each marks its rounds; one that stands still for too long, or is gone, makes `/livez` fail.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often a loop that waits for work says that it does.
const WAITING: Duration = Duration::from_secs(1);

/// The loops of a service; cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<Shared>);

struct Shared {
    /// How long a round may take.
    limit: Duration,
    loops: Mutex<Vec<Arc<Mark>>>,
    stopping: AtomicBool,
}

struct Mark {
    name: &'static str,
    last: Mutex<Instant>,
    ended: AtomicBool,
}

/// A loop's own mark. Dropped, the loop has ended.
struct Pulse(Arc<Mark>);

tokio::task_local! {
    /// Of the loop that runs in this task.
    static PULSE: Pulse;
}

/// A round of this task's loop begins.
pub fn beat() {
    // A loop that a test drives has no mark.
    let _ = PULSE.try_with(Pulse::beat);
}

/// Waits for work, or for time to pass: however long it takes, the loop does not stand still.
pub async fn idle<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        beat();
        if let Ok(came) = tokio::time::timeout(WAITING, work.as_mut()).await {
            beat();
            return came;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    /// `limit`: how long one round of a loop may take.
    pub fn new(limit: Duration) -> Self {
        Self(Arc::new(Shared { limit, loops: Mutex::default(), stopping: AtomicBool::new(false) }))
    }

    /// Runs a loop that begins now.
    pub fn watch<F: Future>(&self, name: &'static str, run: F) -> impl Future<Output = F::Output> + use<F> {
        PULSE.scope(self.begin(name), run)
    }

    fn begin(&self, name: &'static str) -> Pulse {
        let mark = Mark { name, last: Mutex::new(Instant::now()), ended: AtomicBool::new(false) };
        let mark = Arc::new(mark);
        locked(&self.0.loops).push(mark.clone());
        Pulse(mark)
    }

    /// From here on loops end as they should.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// What stands still or has ended, in words.
    pub fn stalled(&self) -> Option<String> {
        if self.0.stopping.load(Ordering::Relaxed) {
            return None;
        }
        locked(&self.0.loops).iter().find_map(|mark| {
            stalled(mark.name, locked(&mark.last).elapsed(), mark.ended.load(Ordering::Relaxed), self.0.limit)
        })
    }
}

fn stalled(name: &str, since: Duration, ended: bool, limit: Duration) -> Option<String> {
    match (ended, since > limit) {
        (true, _) => Some(format!("the {name} loop has ended")),
        (false, true) => Some(format!("the {name} loop has not moved for {} seconds", since.as_secs())),
        (false, false) => None,
    }
}

impl Pulse {
    fn beat(&self) {
        *locked(&self.0.last) = Instant::now();
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn a_loop_is_named_once_its_round_takes_too_long_or_it_is_gone() {
        assert_eq!(stalled("relay", LIMIT, false, LIMIT), None);
        let said = stalled("relay", LIMIT + WAITING, false, LIMIT);
        assert_eq!(said.as_deref(), Some("the relay loop has not moved for 61 seconds"));
        assert_eq!(stalled("relay", Duration::ZERO, true, LIMIT).as_deref(), Some("the relay loop has ended"));
    }

    #[test]
    fn a_loop_that_panics_is_reported_until_the_service_stops() {
        let progress = Progress::new(LIMIT);
        let (relay, other) = (progress.begin("relay"), progress.begin("retry"));
        assert_eq!(progress.stalled(), None);
        let panicked = std::thread::spawn(move || {
            let _pulse = relay;
            panic!("for the test");
        });
        assert!(panicked.join().is_err());
        assert_eq!(progress.stalled().as_deref(), Some("the relay loop has ended"));
        progress.stop();
        drop(other);
        assert_eq!(progress.stalled(), None);
    }

    #[tokio::test]
    async fn waiting_is_no_standstill_and_an_end_is_noticed() {
        let progress = Progress::new(LIMIT);
        let marked = || *locked(&locked(&progress.0.loops)[0].last);
        let run = progress.watch("command", async {
            let before = marked();
            idle(tokio::task::yield_now()).await;
            assert!(marked() > before);
        });
        run.await;
        assert_eq!(progress.stalled().as_deref(), Some("the command loop has ended"));
    }
}

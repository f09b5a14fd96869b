//! The call loop: external calls with bounded concurrency, a time limit and a circuit breaker.

mod call;
mod caller;
mod queue;

use std::{sync::Arc, time::Duration};

use caller::Caller;
use choreography_core::calls::{CallStore, Called, Provider};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ConsumerState;
use crate::settings::EngineSettings;
pub use queue::CallQueue;
pub(crate) use queue::Waiting;
pub(crate) use queue::call_queue;

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Calls under way at once.
    pub concurrency: usize,
    /// Of one call.
    pub time_limit: Duration,
    /// How long a claimed, or freshly written, call is this process's alone.
    pub lease: Duration,
    /// How long the circuit breaker stays open.
    pub breaker_wait: Duration,
    /// How often the database is asked for calls that a crash or another replica left behind.
    pub poll_interval: Duration,
}

impl Pace {
    pub fn of(settings: &EngineSettings) -> Self {
        Self {
            concurrency: settings.call_concurrency,
            time_limit: settings.call_timeout,
            lease: settings.call_lease(),
            breaker_wait: settings.breaker_wait,
            poll_interval: settings.poll_interval,
        }
    }
}

/// Makes calls until told to stop, then waits for those under way.
pub(crate) async fn call_loop<S: CallStore + Clone, O: Provider>(
    store: S,
    provider: Arc<O>,
    queue: mpsc::Receiver<Waiting>,
    answers: mpsc::Sender<Called>,
    state: Arc<ConsumerState>,
    pace: Pace,
    stop: CancellationToken,
) {
    Caller::new(store, provider, pace).run(queue, answers, &state, stop).await;
}

#[cfg(test)]
mod tests;

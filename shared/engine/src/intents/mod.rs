//! Outside calls: an intent row first, then the call, and its answer is an input like any other.

mod step;

use std::future::Future;

pub use step::{Called, IntentStore, Postponed, settle};

use crate::{participant::Answer, store::Intent};

/// Who makes a service's outside calls.
///
/// The engine adds the time limit, the bounded concurrency, the circuit breaker and the repetition.
pub trait Outside: Send + Sync + 'static {
    /// Makes the call under [`Intent::idempotency_key`]. If `intent.attempts > 0` a call may have been begun before:
    /// ask for its outcome first; "not found" is not no, since a stalled call may still arrive: resend with the same key.
    fn call(&self, intent: &Intent) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;
}

/// Neither yes nor no.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoAnswer {
    /// It may be different next time: time-out, unreachable, overloaded. Counts against the circuit breaker.
    #[error("{0}")]
    Passing(String),
    /// The provider says that the request itself is wrong. Repeated slowly, and reported every time.
    #[error("{0}")]
    Wrong(String),
}

/// For services that call nobody.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Outside for Nobody {
    async fn call(&self, intent: &Intent) -> Result<Answer, NoAnswer> {
        Err(NoAnswer::Wrong(format!("this service makes no outside calls, yet intends {}", intent.step)))
    }
}

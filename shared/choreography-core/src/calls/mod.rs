//! External calls: a row first, then the call, and its answer is an input like any other.

mod late_answers;
mod step;

use std::{future::Future, time::Instant};

use chrono::TimeDelta;

pub(crate) use late_answers::report as report_late;
pub use late_answers::{Contradiction, LateAnswer};
pub use step::answered;
pub use step::{CallStore, Called, Claimed, Postponed, give_back};

use crate::{participant::Answer, store::PendingCall};

/// What makes a service's external calls.
///
/// It is called once the transaction that wrote the call down has committed: outside of any transaction, without locks, by one replica at
/// a time, at most `CALL_CONCURRENCY` of them at once. A call is made at least once, and again until its answer is recorded: after a
/// crash, a time-out, a refusal of its answer. Calls have no order among each other. The engine adds the time limit, the bounded
/// concurrency, the circuit breaker and the repetition; a future may be dropped in the middle, when its time is over.
pub trait Provider: Send + Sync + 'static {
    /// Makes the call under [`PendingCall::idempotency_key`]. If `call.attempts > 0` a call may have been begun before:
    /// ask for its outcome first; "not found" is not no, since a stalled call may still arrive: resend with the same key.
    ///
    /// `age`: the call is at most so old by the database's clock. Past the key's lifetime at the provider nothing may
    /// be sent again, only asked about.
    ///
    /// # Errors
    /// [`CallError`]: neither yes nor no. The call stays open and is asked about again; which kind it is says when. A panic counts as
    /// [`CallError::Wrong`].
    fn call(&self, call: &PendingCall, age: TimeDelta) -> impl Future<Output = Result<Answer, CallError>> + Send;

    /// The steps of the calls that it makes; `None` if it can't say. A service whose routes take the answers to others, or not to all
    /// of them, is refused at the start.
    fn steps(&self) -> Option<Vec<&'static str>> {
        None
    }
}

/// Neither yes nor no.
///
/// It is exhaustive on purpose. The kind decides when a call is asked about again, and whether the circuit breaker counts
/// it; those decisions are made in several crates, and the compiler names each of them that a further kind would lack.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// It may be different next time: time-out, unreachable, overloaded. Counts against the circuit breaker.
    #[error("{0}")]
    Passing(String),
    /// The provider is still at work on an earlier request under this key. Asked again soon; the provider is well, so
    /// it does not count against the circuit breaker.
    #[error("{0}")]
    InProgress(String),
    /// The provider says that the request itself is wrong. Repeated slowly, and reported every time.
    #[error("{0}")]
    Wrong(String),
}

/// A call that was just written down by this process, which may make it without claiming it.
#[derive(Clone, Debug, PartialEq)]
pub struct FreshCall {
    /// The call.
    pub call: PendingCall,
    /// A moment before its transaction began, on the process's own steady clock: it is no older than that.
    pub since: Instant,
}

/// For services that make no calls.
#[derive(Clone, Copy, Debug)]
pub struct NoProvider;

impl Provider for NoProvider {
    async fn call(&self, call: &PendingCall, _age: TimeDelta) -> Result<Answer, CallError> {
        Err(CallError::Wrong(format!(
            "this service has no way to make external calls, yet its rules asked for {}",
            call.step
        )))
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        Some(Vec::new())
    }
}

//! Calls: claimed, called, and answered through the handler.

use std::future::Future;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{CallError, Contradiction, LateAnswer};
use crate::{
    event_id::{IdSource, random},
    input::{Inbound, Input, Origin},
    participant::{Answer, Participant, Trigger},
    policy::RetryPolicy,
    store::{PendingCall, StoreError},
};

/// Calls as the steps need them.
pub trait CallStore: Send + Sync + 'static {
    /// Takes up to `limit` open calls that no process is making, for the time of `lease`, and counts the attempt:
    /// `attempts` of a call that comes back is at least 1, since the process that had it before may have begun the call. Their requests
    /// have at most `bytes` together, or it is a single one.
    fn claim(
        &self,
        limit: usize,
        bytes: usize,
        lease: TimeDelta,
    ) -> impl Future<Output = Result<Vec<Claimed>, StoreError>> + Send;
    /// Returns those answers to calls that are no longer open which contradict the operator who settled the call by hand.
    /// Writes the contradiction down, too.
    fn contradictions(
        &self,
        late: &[LateAnswer],
    ) -> impl Future<Output = Result<Vec<Contradiction>, StoreError>> + Send;
    /// Gives calls back that had no answer: no process takes them up before their wait is over.
    fn postpone(&self, calls: &[Postponed]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An open call that is this process's to call for.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The call.
    pub call: PendingCall,
    /// Since it was written down, by the database's clock.
    pub age: TimeDelta,
}

/// A call that waits for another try.
#[derive(Clone, Debug, PartialEq)]
pub struct Postponed {
    /// Its id.
    pub id: Uuid,
    /// How long it waits.
    pub wait: TimeDelta,
    /// What went wrong.
    pub why: String,
}

/// However often the provider was still at work, the next wait is no longer than after so many failures.
const SOON: u32 = 2;

/// A call that came back.
pub type Called = (PendingCall, Result<Answer, CallError>);

/// Gives calls back that had no answer.
///
/// # Errors
/// The database's: then no process takes the calls up before their lease is over.
pub async fn give_back<S: CallStore>(
    store: &S,
    retry: &RetryPolicy,
    ids: &mut dyn IdSource,
    unanswered: &[(PendingCall, CallError)],
) -> Result<(), StoreError> {
    // Drawn anew at each try, so that calls that failed together do not come back together.
    let postponed: Vec<Postponed> = unanswered
        .iter()
        .map(|(call, no_answer)| postponed(call, no_answer, retry, random(ids, call.requested_at)))
        .collect();
    if postponed.is_empty() { Ok(()) } else { store.postpone(&postponed).await }
}

fn postponed(call: &PendingCall, no_answer: &CallError, retry: &RetryPolicy, random: u64) -> Postponed {
    let wait = match no_answer {
        CallError::Passing(_) => retry.wait(call.attempts.saturating_add(1), random),
        CallError::InProgress(_) => retry.wait(call.attempts.saturating_add(1).min(SOON), random),
        CallError::Wrong(_) => retry.slowly(random),
    };
    Postponed { id: call.id, wait, why: no_answer.to_string() }
}

/// The answer to a call, as an input for the rules.
pub fn answered<P: Participant>(call: &PendingCall, answer: Answer) -> Inbound<P> {
    Inbound::Input(Input {
        trigger: Trigger::Answer { aggregate_id: call.aggregate_id.clone(), step: call.step.clone(), answer },
        correlation_id: Some(call.correlation_id.clone()),
        trace: call.trace.clone(),
        origin: Origin::Call(call.clone()),
    })
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;

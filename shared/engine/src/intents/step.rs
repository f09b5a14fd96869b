//! Intents: claimed, called, and answered through the door.

use std::future::Future;

use chrono::TimeDelta;
use uuid::Uuid;

use super::NoAnswer;
use crate::{
    door::{Door, Progress},
    event_id::IdSource,
    input::{Input, Source, Work},
    participant::{Answer, Participant, What},
    policy::RetryPolicy,
    store::{Database, Intent, StoreError},
};

/// Intents as the steps need them.
pub trait IntentStore: Send + Sync + 'static {
    /// Takes up to `limit` open intents that nobody is calling for, for the time of `lease`, and counts the attempt:
    /// `attempts` of what comes back is at least 1, since whoever had it before may have begun the call.
    fn claim(&self, limit: usize, lease: TimeDelta) -> impl Future<Output = Result<Vec<Intent>, StoreError>> + Send;
    /// Gives intents back that had no answer: nobody takes them up before their wait is over.
    fn postpone(&self, intents: &[Postponed]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An intent that waits for another try.
#[derive(Clone, Debug, PartialEq)]
pub struct Postponed {
    pub id: Uuid,
    pub wait: TimeDelta,
    pub why: String,
}

/// A call that came back.
pub type Called = (Intent, Result<Answer, NoAnswer>);

/// Hands definite answers to the rules and postpones the rest.
pub async fn settle<P: Participant, D: Database<P>, S: IntentStore>(
    door: &Door<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    called: &[Called],
) -> Result<Progress<P::Reply>, StoreError> {
    let postponed: Vec<Postponed> =
        called.iter().filter_map(|(intent, result)| postponed(intent, result, &door.policy.retry)).collect();
    if !postponed.is_empty() {
        store.postpone(&postponed).await?;
    }
    let mut work: Vec<Work<P>> = called.iter().filter_map(|(intent, result)| input(intent, result)).collect();
    let mut progress = Progress::new(work.len());
    door.handle_isolating(ids, &mut work, &mut progress).await?;
    Ok(progress)
}

fn postponed(intent: &Intent, result: &Result<Answer, NoAnswer>, retry: &RetryPolicy) -> Option<Postponed> {
    let wait = match result {
        Ok(_) => return None,
        Err(NoAnswer::Passing(_)) => retry.wait(intent.attempts + 1, intent.id.as_u64_pair().1),
        Err(NoAnswer::Wrong(_)) => retry.cap,
    };
    let why = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    Some(Postponed { id: intent.id, wait, why })
}

fn input<P: Participant>(intent: &Intent, result: &Result<Answer, NoAnswer>) -> Option<Work<P>> {
    let answer = result.as_ref().ok()?.clone();
    Some(Work::Input(Input {
        what: What::Answer { aggregate_id: intent.aggregate_id.clone(), step: intent.step.clone(), answer },
        correlation_id: Some(intent.correlation_id.clone()),
        trace: intent.trace.clone(),
        source: Source::Intent(intent.clone()),
    }))
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;

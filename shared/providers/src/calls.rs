//! Calls that a service asks for, made at its provider: ask before sending again, and never resend past the key's lifetime.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use choreography::{Answer, PendingCall, Provider};
use chrono::TimeDelta;

use crate::{KeyedProvider, ProviderError, Request, provider_error::WITHHELD};

type Called<'a> = Pin<Box<dyn Future<Output = Result<Answer, choreography::CallError>> + Send + 'a>>;
type Make<P> = for<'a> fn(&'a Calls<P>, &'a PendingCall, TimeDelta) -> Called<'a>;

/// A service's way to its provider.
pub struct Calls<P> {
    provider: P,
    resend_within: TimeDelta,
    by_step: BTreeMap<&'static str, Make<P>>,
}

impl<P: KeyedProvider> Calls<P> {
    /// `resend_within`: how old a call may be to be sent again.
    #[must_use]
    pub fn at(provider: P, resend_within: TimeDelta) -> Self {
        Self { provider, resend_within, by_step: BTreeMap::new() }
    }

    /// The provider is called for requests of this type.
    #[must_use]
    pub fn to<R: Request>(mut self) -> Self {
        self.by_step.insert(R::STEP, |calls, call, age| Box::pin(calls.make::<R>(call, age)));
        self
    }

    /// The first time it is sent; later its outcome is asked for first. "Not found" is not no, since a stalled call may still
    /// arrive: it is sent again under the same key, as long as the provider surely keeps the key. From then on it is only
    /// asked about, even if no attempt was counted: a process may have been frozen before it counted one.
    ///
    /// What holds for a request holds for calling it off: past the key's lifetime the provider may have forgotten what it did,
    /// and would say that it never will.
    async fn make<R: Request>(&self, call: &PendingCall, age: TimeDelta) -> Result<Answer, choreography::CallError> {
        let key = call.idempotency_key();
        let request: R = serde_json::from_str(&call.request)
            .map_err(|error| choreography::CallError::Wrong(format!("the request of {key} can't be read: {error}")))?;
        let no_answer = |error: ProviderError| no_answer(if R::CONFIDENTIAL { error.without_words() } else { error });
        let expired = age >= self.resend_within;
        if (call.attempts > 0 || expired)
            && let Some(answer) = self.provider.find::<R>(&key).await.map_err(no_answer)?
            && !(R::INSISTS && matches!(answer, Answer::No { .. }))
        {
            return Ok(kept::<R>(answer));
        }
        if expired {
            return Err(choreography::CallError::Wrong(format!(
                "{key} is not known at the provider and was written down {} minutes ago, when its key may be forgotten there: \
                 sending it again could do it twice. Look it up at the provider, then settle it by hand (/admin/calls/{})",
                age.num_minutes(),
                call.id
            )));
        }
        let answer = if request.is_cancelled() {
            self.provider.cancel::<R>(&key).await
        } else {
            self.provider.send(&key, &call.aggregate_id, &request).await
        };
        answer.map(kept::<R>).map_err(no_answer)
    }
}

impl<P: KeyedProvider> Provider for Calls<P> {
    async fn call(&self, call: &PendingCall, age: TimeDelta) -> Result<Answer, choreography::CallError> {
        let Some(make) = self.by_step.get(call.step.as_str()) else {
            return Err(choreography::CallError::Wrong(format!("no provider is called for {:?}", call.step)));
        };
        make(self, call, age).await
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        Some(self.by_step.keys().copied().collect())
    }
}

/// The answer as it may be kept.
fn kept<R: Request>(answer: Answer) -> Answer {
    match answer {
        Answer::No { .. } if R::CONFIDENTIAL => Answer::No { reason: format!("the provider refused; {WITHHELD}") },
        answer => answer,
    }
}

/// A request that the provider refuses stays refused; everything else may pass.
fn no_answer(no_answer: ProviderError) -> choreography::CallError {
    let why = no_answer.to_string();
    match no_answer {
        ProviderError::Refused { .. } => choreography::CallError::Wrong(why),
        ProviderError::InProgress { .. } => choreography::CallError::InProgress(why),
        _ => choreography::CallError::Passing(why),
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;

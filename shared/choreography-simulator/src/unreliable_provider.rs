//! A way to a provider that loses calls and answers.

use std::sync::Arc;

use choreography_core::{
    Answer,
    calls::{CallError, Provider},
    store::PendingCall,
};
use chrono::TimeDelta;

use crate::{
    core::{Core, pause},
    faults::Fault,
};

/// Makes the calls of another, some of which get lost on their way, and some answers on the way back.
///
/// The provider itself should take each key once, as real ones do: it will see some again.
pub struct Unreliable<O> {
    provider: O,
    core: Arc<Core>,
}

impl<O: Provider> Unreliable<O> {
    /// Loses what the schedule of `core` says.
    pub fn new(provider: O, core: Arc<Core>) -> Self {
        Self { provider, core }
    }
}

impl<O: Provider> Provider for Unreliable<O> {
    async fn call(&self, call: &PendingCall, age: TimeDelta) -> Result<Answer, CallError> {
        self.core.enter("call");
        pause().await;
        if self.core.strikes(Fault::CallLost) {
            return Err(CallError::Passing("the call was lost".into()));
        }
        let answer = self.provider.call(call, age).await;
        pause().await;
        if self.core.strikes(Fault::AnswerLost) {
            return Err(CallError::Passing("the answer was lost".into()));
        }
        answer
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        self.provider.steps()
    }
}

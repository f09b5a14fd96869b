//! Deadlines and external calls whose handling failed: they wait, with the reason, and come again.

use chrono::{DateTime, Utc};

use crate::{
    event_id::{IdSource, random},
    policy::RetryPolicy,
    store::{Deadline, Failure, PendingCall, RefusedCall},
};

/// How long they wait.
pub(super) struct Postponing<'a> {
    pub retry: RetryPolicy,
    pub now: DateTime<Utc>,
    pub ids: &'a mut dyn IdSource,
}

impl Postponing<'_> {
    pub fn deadline(&mut self, deadline: &Deadline, failure: &Failure) -> Deadline {
        let attempts = deadline.attempts.saturating_add(1);
        Deadline {
            attempts,
            last_error: Some(words_of(failure)),
            not_before: Some(self.after(attempts)),
            ..deadline.clone()
        }
    }

    pub fn call(&mut self, call: &PendingCall, failure: &Failure) -> RefusedCall {
        let not_before = self.after(call.attempts.saturating_add(1));
        RefusedCall { call: call.clone(), not_before, error: words_of(failure), amended: None }
    }

    fn after(&mut self, attempts: u32) -> DateTime<Utc> {
        self.now + self.retry.wait(attempts, random(self.ids, self.now))
    }
}

fn words_of(failure: &Failure) -> String {
    format!("{}: {}", failure.class, failure.message)
}

//! External calls: requests to a provider, written down before they are made.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// A request to a provider. Its idempotency key is made of the aggregate's id and the step, so it survives any crash.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no external call",
    label = "this needs a step",
    note = "implement `Call` for it"
)]
pub trait Call: Serialize + DeserializeOwned + fmt::Debug + Send + Sync + 'static {
    /// Names the call within its aggregate, such as `charge`.
    const STEP: &'static str;
}

/// A definite answer of a provider. "No answer" is not among them: it is neither yes nor no, so the engine asks again.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was done.
    Yes {
        /// What the provider named it: a charge id, a tracking number.
        detail: String,
    },
    /// It was not done and never will be under this key.
    No {
        /// In the provider's words.
        reason: String,
    },
}

//! Why there is no answer.

/// In place of words that may quote personal data.
pub(crate) const WITHHELD: &str = "its words are not kept: they may quote personal data";

/// No answer is neither yes nor no: what was asked for may have been done, may be done later, or never.
///
/// Ask by key, or repeat under the same key; never take it for a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The time limit passed.
    #[error("no answer within the time limit")]
    TimedOut,
    /// No connection, or it broke before the answer was complete.
    #[error("the connection failed: {0}")]
    Unreachable(String),
    /// The server is unwell or overloaded (5xx, 408, 425, 429): it may be different next time.
    #[error("the server answered {status}: {body}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// The server is still at work on an earlier request under this key (409, but for a key that was used for something
    /// else): ask again soon. See "concurrent request" in
    /// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
    #[error("the server is still at work on this: {message}")]
    InProgress {
        /// The server's message, or the beginning of the body.
        message: String,
    },
    /// The request itself is wrong (any other 4xx): a bug, a missing right, or a key used for something else. Repeating
    /// does not help; an operator has to look.
    #[error("the request was refused with {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's message, or the beginning of the body.
        message: String,
    },
    /// Something came that is not an answer of the contract: not JSON, a missing field, too long, a redirect.
    #[error("the answer can't be read: {0}")]
    Malformed(String),
}

impl ProviderError {
    /// Without what the server said in its own words.
    #[must_use]
    pub(crate) fn without_words(self) -> Self {
        let withheld = || WITHHELD.to_owned();
        match self {
            Self::TimedOut | Self::Unreachable(_) => self,
            Self::Server { status, .. } => Self::Server { status, body: withheld() },
            Self::InProgress { .. } => Self::InProgress { message: withheld() },
            Self::Refused { status, .. } => Self::Refused { status, message: withheld() },
            Self::Malformed(_) => Self::Malformed(withheld()),
        }
    }

    /// Whether the same request may well be answered next time. `false`: it needs a person.
    pub fn is_passing(&self) -> bool {
        !matches!(self, ProviderError::Refused { .. })
    }
}

//! What a request gets, and when it is told.

use crate::behaviour::Behaviour;

/// What a ledger says to one call, once its transaction is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply<A> {
    /// The answer of the key.
    Answer(A, Manner),
    /// The key stands for another request.
    KeyConflict,
    /// A flaky key's failing try: nothing was done.
    TryAgain,
    /// Nothing was done, and it is said that it is being done.
    AtWork,
    /// The field is never taken.
    Unacceptable(&'static str),
}

/// When an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    AtOnce,
    Late,
    Never,
}

impl From<Behaviour> for Manner {
    fn from(behaviour: Behaviour) -> Self {
        match behaviour {
            Behaviour::Late => Manner::Late,
            Behaviour::Silent => Manner::Never,
            Behaviour::Usual | Behaviour::No(_) | Behaviour::Flaky | Behaviour::AtWork | Behaviour::Unacceptable => {
                Manner::AtOnce
            }
        }
    }
}

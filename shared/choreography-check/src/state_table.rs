//! What a service does in a saga: its states, and what each input does in each of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::one_or_many::OneOrMany;

/// Stands for whatever is not listed.
pub const ANY: &str = "*";

/// A service's states in one saga, and what takes it from one to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StateTable {
    /// The state in which it knows nothing of the saga.
    pub initial: String,
    /// All states.
    pub states: Vec<String>,
    /// The states in which a saga may end, each with the outcomes of the whole with which it agrees: a run is in order if
    /// all services are at an end, and one outcome is common to all.
    pub ends: BTreeMap<String, OneOrMany>,
    /// The ends that are there so that what they undo finds them if it comes later. Nothing leaves them.
    #[serde(default)]
    pub tombstones: Vec<String>,
    /// What happens. Several of one state and input are possible: the service decides by what the table does not show.
    pub transitions: Vec<Transition>,
    /// States and inputs that never meet. Each pair is listed here or among the transitions.
    #[serde(default)]
    pub impossible: Vec<Impossible>,
}

/// What an input does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// In which states.
    pub from: OneOrMany,
    /// The inputs: a type of events, `command NAME`, `deadline NAME`, or `answer CALL ANSWER`.
    pub on: OneOrMany,
    /// The new state; by default the old one.
    #[serde(default)]
    pub to: Option<String>,
    /// What else is done: a type of events to publish, `call CALL`, `amend CALL`, `deadline NAME` to set it, `settle NAME` to
    /// take it back, `refuse` for an answer that keeps the call open, or `record TABLE`.
    #[serde(default)]
    pub then: Vec<String>,
}

/// States and inputs that never meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Impossible {
    /// The states; `*` for whatever is not listed.
    pub from: OneOrMany,
    /// The inputs, written as those of a transition; `*` for whatever is not listed.
    pub on: OneOrMany,
    /// Why they never meet.
    pub because: String,
}

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

/// One line of a state table: what one input does in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The state.
    pub from: &'a str,
    /// The input, as it is written.
    pub on: &'a str,
    /// The new state; the old one if nothing changes.
    pub to: &'a str,
    /// What else is done, as it is written.
    pub then: &'a [String],
}

impl StateTable {
    /// All lines, each of one state and one input: to hold the table against what the rules do.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.transitions.iter().flat_map(|transition| {
            transition.from.iter().flat_map(move |from| {
                let to = transition.to.as_deref().unwrap_or(from);
                transition.on.iter().map(move |on| Line { from, on, to, then: &transition.then })
            })
        })
    }

    /// Why this input never comes in this state; `None` if it may, or if nothing is said of the two.
    pub fn because(&self, state: &str, input: &str) -> Option<&str> {
        if self.lines().any(|line| line.from == state && line.on == input) {
            return None;
        }
        let fits = |of: &OneOrMany, what: &str| of.iter().any(|name| name == ANY || name == what);
        let found = self.impossible.iter().find(|of| fits(&of.from, state) && fits(&of.on, input));
        found.map(|of| of.because.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> StateTable {
        let json = r#"{
            "initial": "none", "states": ["none", "open", "shut"], "ends": { "shut": "over" },
            "transitions": [
                { "from": "none", "on": "door.opened", "to": "open", "then": ["call ring"] },
                { "from": ["open", "shut"], "on": ["door.shut", "command leave"], "to": "shut" },
                { "from": "shut", "on": "door.opened" }
            ],
            "impossible": [
                { "from": "none", "on": "*", "because": "there is no door yet" },
                { "from": "*", "on": "door.opened", "because": "it opens once" }
            ]
        }"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn each_line_is_of_one_state_and_one_input() {
        let table = table();
        let lines: Vec<_> = table.lines().map(|line| (line.from, line.on, line.to, line.then.len())).collect();
        let expected = [
            ("none", "door.opened", "open", 1),
            ("open", "door.shut", "shut", 0),
            ("open", "command leave", "shut", 0),
            ("shut", "door.shut", "shut", 0),
            ("shut", "command leave", "shut", 0),
            ("shut", "door.opened", "shut", 0),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_never_comes_has_a_reason_and_the_first_that_fits_counts() {
        let table = table();
        assert_eq!(table.because("none", "door.shut"), Some("there is no door yet"));
        assert_eq!(table.because("open", "door.opened"), Some("it opens once"));
        assert_eq!(table.because("none", "door.opened"), None);
        assert_eq!(table.because("open", "door.painted"), None);
    }
}

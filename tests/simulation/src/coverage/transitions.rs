//! The state tables that the services describe (`saga.json`), held against what their rules do: what occurs, what cannot, and what
//! else is done.

use std::{collections::BTreeSet, sync::LazyLock};

use choreography_check::StateTable;
use choreography_core::routes::{self, Description};
use choreography_simulator::interned;
use serde::Deserialize as _;
use serde_json::Value;

/// A service with its state table.
pub struct Service {
    pub name: &'static str,
    table: StateTable,
    pub lines: Vec<Line>,
}

/// What one input does in one state. `refused` as the new state: the answer is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub from: &'static str,
    pub input: &'static str,
    pub to: &'static str,
    /// What else is done, sorted, in one text.
    pub then: &'static str,
}

pub static SERVICES: LazyLock<Vec<Service>> = LazyLock::new(|| {
    vec![
        Service::of::<order::Order>(),
        Service::of::<inventory::Inventory>(),
        Service::of::<payment::Payment>(),
        Service::of::<shipping::Shipping>(),
        Service::of::<notification::Notification>(),
    ]
});

impl Service {
    /// # Panics
    /// If its routes contradict each other, or its table has not the format.
    fn of<S: routes::Service>() -> Self {
        let (name, described) = (S::NAME, Description::of::<S>().unwrap_or_else(|error| panic!("{error}")));
        let saga = described.saga.unwrap_or_default();
        let table = serde_json::from_str::<Value>(saga).and_then(|saga| StateTable::deserialize(&saga["state_table"]));
        let table = table.unwrap_or_else(|error| panic!("saga.json of {name}: {error}"));
        let line = |line: choreography_check::Line<'_>| {
            let then: BTreeSet<&str> = line.then.iter().map(String::as_str).collect();
            let is_refused = then.contains("refuse");
            Line {
                from: interned(line.from.to_owned()),
                input: interned(line.on.to_owned()),
                to: if is_refused { "refused" } else { interned(line.to.to_owned()) },
                then: if is_refused { "" } else { interned(then.into_iter().collect::<Vec<_>>().join(", ")) },
            }
        };
        let mut lines: Vec<Line> = table.lines().map(line).collect();
        if name == "order" {
            // The request is known under its key: its new order's id is never used.
            lines.push(Line { from: "none", input: "command place again", to: "none", then: "" });
        }
        Self { name, lines, table }
    }

    pub fn states(&self) -> impl Iterator<Item = &'static str> {
        self.table.states.iter().map(|state| interned(state.clone()))
    }

    pub fn inputs(&self) -> BTreeSet<&'static str> {
        self.lines.iter().map(|line| line.input).collect()
    }

    /// Why this input never meets this state.
    pub fn reason(&self, state: &str, input: &str) -> Option<&str> {
        self.table.because(state, input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_input_is_listed_as_occurring_or_with_a_reason() {
        for service in SERVICES.iter() {
            for state in service.states() {
                for input in service.inputs().into_iter().filter(|input| *input != "command place again") {
                    let occurs = service.lines.iter().any(|line| (line.from, line.input) == (state, input));
                    let listed = occurs || service.reason(state, input).is_some();
                    assert!(listed, "{}: {input} at {state} is not listed", service.name);
                }
            }
        }
    }
}

//! What a service does because of what, without its states: all that can be seen from outside.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    state_table::StateTable,
    words::{On, Then},
};

/// What an input leads to, as far as it can be seen: setting a deadline, say, can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect<'a> {
    /// An event is published.
    Publish(&'a str),
    /// An external call is made.
    Call(&'a str),
    /// Neither.
    Nothing,
}

/// An input as it can be told from outside: which of a call's answers it was, or which command, can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Input<'a> {
    /// An event of this type.
    Event(&'a str),
    /// A client's command.
    Command,
    /// A deadline that passed.
    Deadline(&'a str),
    /// An answer to this call.
    Answer(&'a str),
}

impl<'a> Input<'a> {
    fn of(on: On<'a>) -> Self {
        match on {
            On::Event(event) => Self::Event(event),
            On::Command(_) => Self::Command,
            On::Deadline(deadline) => Self::Deadline(deadline),
            On::Answer { call, .. } => Self::Answer(call),
        }
    }
}

impl std::fmt::Display for Input<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(event) => formatter.write_str(event),
            Self::Command => formatter.write_str("command"),
            Self::Deadline(deadline) => write!(formatter, "deadline {deadline}"),
            Self::Answer(call) => write!(formatter, "answer {call}"),
        }
    }
}

impl std::fmt::Display for Effect<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publish(event) => formatter.write_str(event),
            Self::Call(call) => write!(formatter, "call {call}"),
            Self::Nothing => formatter.write_str("nothing"),
        }
    }
}

/// Each input with each of its effects, and the states in which it has that. A line without an effect that can be seen has
/// `Nothing`.
pub(crate) fn steps(table: &StateTable) -> BTreeMap<(Input<'_>, Effect<'_>), BTreeSet<&str>> {
    let mut steps: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for line in table.lines() {
        let Some(input) = On::parse(line.on).map(Input::of) else { continue };
        // An answer that is refused leaves everything as it was, and no trace shows it as done.
        if line.then.iter().any(|word| Then::parse(word) == Some(Then::Refuse)) {
            continue;
        }
        let seen = line.then.iter().filter_map(|word| match Then::parse(word)? {
            Then::Publish(event) => Some(Effect::Publish(event)),
            Then::Call(call) => Some(Effect::Call(call)),
            Then::Amend(_) | Then::Deadline(_) | Then::Settle(_) | Then::Refuse | Then::Record => None,
        });
        let mut effects: Vec<Effect<'_>> = seen.collect();
        if effects.is_empty() {
            effects.push(Effect::Nothing);
        }
        for effect in effects {
            steps.entry((input, effect)).or_default().insert(line.from);
        }
    }
    steps
}

/// The events that lead to each event, as topics show it: an event names the one that led to it, also where calls lie
/// between. `None`: a command or a deadline did.
pub(crate) fn causes(table: &StateTable) -> BTreeSet<(Option<&str>, &str)> {
    let steps = steps(table);
    let (mut causes, mut of_calls) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let before = (causes.len(), of_calls.len());
        for (input, effect) in steps.keys() {
            let origins: Vec<Option<&str>> = match input {
                Input::Event(event) => vec![Some(*event)],
                Input::Command | Input::Deadline(_) => vec![None],
                Input::Answer(call) => {
                    of_calls.iter().filter(|(_, of)| of == call).map(|(origin, _)| *origin).collect()
                }
            };
            match effect {
                Effect::Publish(event) => causes.extend(origins.into_iter().map(|origin| (origin, *event))),
                Effect::Call(call) => of_calls.extend(origins.into_iter().map(|origin| (origin, *call))),
                Effect::Nothing => {}
            }
        }
        if (causes.len(), of_calls.len()) == before {
            return causes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> StateTable {
        let json = r#"{
            "initial": "none", "states": ["none", "asking", "kept", "asking back", "gone"], "ends": { "kept": "over" },
            "transitions": [
                { "from": "none", "on": "item.ordered", "to": "asking", "then": ["call charge", "record ledger"] },
                { "from": "asking", "on": "answer charge yes", "to": "kept", "then": ["item.paid", "deadline patience"] },
                { "from": "asking", "on": "answer charge no", "to": "gone", "then": ["item.refused"] },
                { "from": "kept", "on": ["item.returned", "deadline patience"], "to": "asking back", "then": ["call refund"] },
                { "from": "asking back", "on": "answer refund yes", "to": "gone", "then": ["item.refunded"] },
                { "from": "asking back", "on": "answer refund no", "then": ["refuse"] },
                { "from": ["gone", "kept"], "on": "command look", "then": ["settle patience"] }
            ]
        }"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_input_has_the_effects_that_can_be_seen() {
        let table = table();
        let told: Vec<String> = steps(&table)
            .iter()
            .map(|((input, effect), states)| format!("{input} → {effect} in {}", states.len()))
            .collect();
        let expected = [
            "item.ordered → call charge in 1",
            "item.returned → call refund in 1",
            "command → nothing in 2",
            "deadline patience → call refund in 1",
            "answer charge → item.paid in 1",
            "answer charge → item.refused in 1",
            "answer refund → item.refunded in 1",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_event_is_led_to_by_the_event_that_the_calls_before_it_were_made_for() {
        let table = table();
        let expected = [
            (None, "item.refunded"),
            (Some("item.ordered"), "item.paid"),
            (Some("item.ordered"), "item.refused"),
            (Some("item.returned"), "item.refunded"),
        ];
        assert_eq!(causes(&table).into_iter().collect::<Vec<_>>(), expected);
    }
}

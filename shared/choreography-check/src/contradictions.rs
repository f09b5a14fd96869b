//! Contradictions within one description: it can't be checked with the others before they are put right.

use std::collections::BTreeSet;

use crate::{
    description::Description,
    state_table::{ANY, StateTable},
    words::{On, Then},
};

/// A place in a description, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The place, such as `state_table.transitions[3].on`.
    pub path: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// All contradictions of a description.
pub fn of(service: &Description) -> Vec<Contradiction> {
    let mut found = Found(Vec::new());
    found.name(service);
    found.lists(service);
    found.contracts(service);
    if let Some(table) = &service.state_table {
        found.states(table);
        found.transitions(service, table);
        found.impossible(service, table);
    }
    found.0
}

struct Found(Vec<Contradiction>);

impl Found {
    fn wrong(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Contradiction { path: path.into(), problem: problem.into() });
    }

    /// Each of `names` stands in `list`, which is called `what`.
    fn among<'a>(&mut self, path: &str, names: impl IntoIterator<Item = &'a String>, list: &[String], what: &str) {
        for name in names {
            if !list.contains(name) {
                self.wrong(path, format!("{name} is not in `{what}`: add it there, or leave it out here"));
            }
        }
    }

    fn name(&mut self, service: &Description) {
        if service.name.is_empty() || service.name.contains(char::is_whitespace) {
            self.wrong("name", "a service's name is one word");
        }
    }

    fn lists(&mut self, service: &Description) {
        self.among("compensates", &service.compensates, &service.handles, "handles");
        self.among("outcomes", &service.outcomes, &service.publishes, "publishes");
        self.among("pivot", &service.pivot, &service.publishes, "publishes");
        self.among("compensations", service.compensations.keys(), &service.publishes, "publishes");
        self.among("compensations", service.compensations.values(), &service.publishes, "publishes");
        self.among("begins", &service.begins, &service.commands, "commands");
        self.among("answers", service.answers.keys(), &service.calls, "calls");
        for ignored in service.ignores.iter().filter(|ignored| service.handles(ignored)) {
            self.wrong("ignores", format!("{ignored} is handled, too: leave it out of one of the two"));
        }
    }

    fn contracts(&mut self, service: &Description) {
        let uses = [
            ("handles", &service.handles, "reads", &service.reads),
            ("publishes", &service.publishes, "writes", &service.writes),
        ];
        for (list, names, of_topics, topics) in uses {
            for name in names {
                match service.events.get(name) {
                    None => self.wrong(
                        list,
                        format!("{name} is not in `events`: say there what its topic, owner and version are"),
                    ),
                    Some(contract) if !topics.contains(&contract.topic) => self.wrong(
                        format!("events.{name}.topic"),
                        format!("{} is not in `{of_topics}`: add it there", contract.topic),
                    ),
                    Some(_) => {}
                }
            }
        }
    }

    fn states(&mut self, table: &StateTable) {
        let once: BTreeSet<&String> = table.states.iter().collect();
        if once.len() != table.states.len() {
            self.wrong("state_table.states", "a state stands twice");
        }
        self.among("state_table.initial", [&table.initial], &table.states, "states");
        self.among("state_table.ends", table.ends.keys(), &table.states, "states");
        let ends: Vec<String> = table.ends.keys().cloned().collect();
        self.among("state_table.tombstones", &table.tombstones, &ends, "ends");
    }

    fn transitions(&mut self, service: &Description, table: &StateTable) {
        for (index, transition) in table.transitions.iter().enumerate() {
            let at = |key: &str| format!("state_table.transitions[{index}].{key}");
            self.among(&at("from"), &transition.from.0, &table.states, "states");
            self.among(&at("to"), &transition.to, &table.states, "states");
            for word in transition.on.iter() {
                if let Some(problem) = wrong_input(service, word) {
                    self.wrong(at("on"), problem);
                }
            }
            let answers = transition.on.iter().all(|word| matches!(On::parse(word), Some(On::Answer { .. })));
            for word in &transition.then {
                if let Some(problem) = wrong_effect(service, word, answers) {
                    self.wrong(at("then"), problem);
                }
            }
        }
    }

    fn impossible(&mut self, service: &Description, table: &StateTable) {
        for (index, impossible) in table.impossible.iter().enumerate() {
            let at = |key: &str| format!("state_table.impossible[{index}].{key}");
            let named = impossible.from.0.iter().filter(|state| *state != ANY);
            self.among(&at("from"), named, &table.states, "states");
            for word in impossible.on.iter().filter(|word| *word != ANY) {
                if let Some(problem) = wrong_input(service, word) {
                    self.wrong(at("on"), problem);
                }
            }
            if impossible.because.trim().is_empty() {
                self.wrong(at("because"), "say why they never meet");
            }
            for state in impossible.from.iter() {
                for word in impossible.on.iter().filter(|word| happens(table, state, word)) {
                    self.wrong(
                        at("on"),
                        format!("{word} in {state} is among the transitions, too: leave it out of one of the two"),
                    );
                }
            }
        }
    }
}

/// Whether a transition says what happens.
fn happens(table: &StateTable, state: &str, word: &str) -> bool {
    table.transitions.iter().any(|of| of.from.iter().any(|from| from == state) && of.on.iter().any(|on| on == word))
}

fn lacking(name: &str, list: &[String], what: &str) -> Option<String> {
    let known = list.iter().any(|of| of == name);
    (!known).then(|| format!("{name} is not in `{what}`: add it there, or leave it out here"))
}

fn wrong_input(service: &Description, word: &str) -> Option<String> {
    match On::parse(word) {
        None => Some(format!(
            "{word:?} is no input: write an event's type, `command NAME`, `deadline NAME` or `answer CALL ANSWER`"
        )),
        Some(On::Event(event)) => lacking(event, &service.handles, "handles"),
        Some(On::Command(command)) => lacking(command, &service.commands, "commands"),
        Some(On::Deadline(deadline)) => lacking(deadline, &service.deadlines, "deadlines"),
        Some(On::Answer { call, answer }) => lacking(call, &service.calls, "calls")
            .or_else(|| service.answers.get(call).and_then(|of| lacking(answer, of, &format!("answers.{call}")))),
    }
}

fn wrong_effect(service: &Description, word: &str, answers: bool) -> Option<String> {
    match Then::parse(word) {
        None => Some(format!(
            "{word:?} is nothing that can be done: write an event's type, `call CALL`, `amend CALL`, `deadline NAME`, \
             `settle NAME`, `record TABLE` or `refuse`"
        )),
        Some(Then::Publish(event)) => lacking(event, &service.publishes, "publishes"),
        Some(Then::Call(call) | Then::Amend(call)) => lacking(call, &service.calls, "calls"),
        Some(Then::Deadline(name) | Then::Settle(name)) => lacking(name, &service.deadlines, "deadlines"),
        Some(Then::Refuse) if !answers => {
            Some("only an answer can be refused: say of anything else that it is impossible".to_owned())
        }
        Some(Then::Refuse | Then::Record) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A sound description, with one thing changed.
    fn with(pointer: &str, value: Value) -> Vec<String> {
        let mut json = json!({
            "name": "desk", "reads": ["rooms"], "writes": ["visits"], "handles": ["room.free"], "publishes": ["visit.made"],
            "compensates": [], "ignores": [], "outcomes": [], "pivot": "visit.made", "compensations": {},
            "commands": ["visit"], "begins": ["visit"], "calls": ["ring"], "answers": { "ring": ["open"] }, "deadlines": ["late"],
            "events": {
                "visit.made": { "topic": "visits", "owner": "desk", "version": 1 },
                "room.free": { "topic": "rooms", "owner": "house", "version": 1 },
            },
            "state_table": {
                "initial": "none", "states": ["none", "in"], "ends": { "in": "over" }, "tombstones": [],
                "transitions": [{ "from": "none", "on": "command visit", "to": "in", "then": ["visit.made", "call ring"] }],
                "impossible": [{ "from": "*", "on": "*", "because": "it is small" }],
            },
        });
        if !pointer.is_empty() {
            *json.pointer_mut(pointer).unwrap() = value;
        }
        let service: Description = serde_json::from_value(json).unwrap();
        of(&service).into_iter().map(|found| format!("{}: {}", found.path, found.problem)).collect()
    }

    #[test]
    fn what_is_sound_contradicts_nothing() {
        assert_eq!(with("", Value::Null), Vec::<String>::new());
    }

    #[test]
    fn each_contradiction_names_its_place() {
        let line = "/state_table/transitions/0";
        for (pointer, value, found) in [
            ("/name".to_owned(), json!("the desk"), "name: a service's name is one word"),
            ("/compensates".to_owned(), json!(["a"]), "compensates: a is not in `handles`"),
            ("/outcomes".to_owned(), json!(["a"]), "outcomes: a is not in `publishes`"),
            ("/pivot".to_owned(), json!("a"), "pivot: a is not in `publishes`"),
            ("/compensations".to_owned(), json!({ "visit.made": "a" }), "compensations: a is not in `publishes`"),
            ("/begins".to_owned(), json!(["a"]), "begins: a is not in `commands`"),
            ("/answers".to_owned(), json!({ "a": [] }), "answers: a is not in `calls`"),
            ("/ignores".to_owned(), json!(["room.free"]), "ignores: room.free is handled, too"),
            ("/events".to_owned(), json!({}), "handles: room.free is not in `events`"),
            ("/reads".to_owned(), json!([]), "events.room.free.topic: rooms is not in `reads`"),
            ("/writes".to_owned(), json!([]), "events.visit.made.topic: visits is not in `writes`"),
            ("/state_table/states".to_owned(), json!(["none", "in", "in"]), "state_table.states: a state stands twice"),
            ("/state_table/initial".to_owned(), json!("a"), "state_table.initial: a is not in `states`"),
            ("/state_table/ends".to_owned(), json!({ "a": "b" }), "state_table.ends: a is not in `states`"),
            ("/state_table/tombstones".to_owned(), json!(["none"]), "state_table.tombstones: none is not in `ends`"),
            (format!("{line}/from"), json!(["a"]), "state_table.transitions[0].from: a is not in `states`"),
            (format!("{line}/to"), json!("a"), "state_table.transitions[0].to: a is not in `states`"),
            (format!("{line}/on"), json!("a"), "state_table.transitions[0].on: a is not in `handles`"),
            (format!("{line}/on"), json!("command a"), "state_table.transitions[0].on: a is not in `commands`"),
            (
                format!("{line}/on"),
                json!("answer ring shut"),
                "state_table.transitions[0].on: shut is not in `answers.ring`",
            ),
            (format!("{line}/on"), json!("on time"), "state_table.transitions[0].on: \"on time\" is no input"),
            (format!("{line}/then"), json!(["a"]), "state_table.transitions[0].then: a is not in `publishes`"),
            (format!("{line}/then"), json!(["settle a"]), "state_table.transitions[0].then: a is not in `deadlines`"),
            (
                format!("{line}/then"),
                json!(["refuse"]),
                "state_table.transitions[0].then: only an answer can be refused",
            ),
            (
                format!("{line}/then"),
                json!(["do it"]),
                "state_table.transitions[0].then: \"do it\" is nothing that can be done",
            ),
            (
                "/state_table/impossible/0".to_owned(),
                json!({ "from": "none", "on": "command visit", "because": "it is late" }),
                "state_table.impossible[0].on: command visit in none is among the transitions, too",
            ),
            (
                "/state_table/impossible/0/from".to_owned(),
                json!("a"),
                "state_table.impossible[0].from: a is not in `states`",
            ),
            ("/state_table/impossible/0/because".to_owned(), json!(" "), "state_table.impossible[0].because: say why"),
        ] {
            let all = with(&pointer, value);
            assert!(all.iter().any(|line| line.starts_with(found)), "{found}: {all:?}");
        }
    }
}

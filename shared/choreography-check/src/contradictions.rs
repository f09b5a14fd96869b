//! What in one description contradicts itself: it can't be checked with the others before it is put right.

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

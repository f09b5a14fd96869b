//! A state table with numbers for names.

use std::collections::{BTreeSet, HashMap};

use super::{Input, Model, Named, Participant};
use crate::{
    description::Description,
    one_or_many::OneOrMany,
    state_table::{ANY, StateTable},
    words::{On, Then},
};

/// What an input may do in a state: one line of the state table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The new state.
    pub to: usize,
    /// What else is done.
    pub effects: Vec<Effect>,
}

/// What is done, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Publish(usize),
    Call(usize),
    Deadline(usize),
    Settle(usize),
    Refuse,
}

/// What the answers to a call can be.
pub(super) fn answers<'a>(service: &'a Description, table: &'a StateTable, call: &str) -> Vec<&'a str> {
    if let Some(declared) = service.answers.get(call) {
        return declared.iter().map(String::as_str).collect();
    }
    let named = table.transitions.iter().flat_map(|of| of.on.iter()).filter_map(|word| match On::parse(word) {
        Some(On::Answer { call: of, answer }) if of == call => Some(answer),
        _ => None,
    });
    named.collect::<BTreeSet<&str>>().into_iter().collect()
}

fn find(names: &[Named<'_>], service: usize, name: &str) -> Option<usize> {
    names.iter().position(|named| named.service == service && named.name == name)
}

impl<'a> Model<'a> {
    pub(super) fn participant(&self, index: usize, service: &'a Description, table: &'a StateTable) -> Participant<'a> {
        let states: Vec<&str> = table.states.iter().map(String::as_str).collect();
        let end = |state: &&str| table.ends.get(*state).map(|outcomes| outcomes.iter().collect());
        let mut participant = Participant {
            service,
            table,
            initial: states.iter().position(|state| *state == table.initial).unwrap_or_default(),
            ends: states.iter().map(end).collect(),
            states,
            arms: HashMap::new(),
            impossible: HashMap::new(),
        };
        self.fill_arms(index, &mut participant);
        self.fill_impossible(index, &mut participant);
        participant
    }

    fn fill_arms(&self, index: usize, participant: &mut Participant<'a>) {
        let state = |name: &str| participant.states.iter().position(|state| *state == name);
        for line in participant.table.lines() {
            let effects = line.then.iter().filter_map(|word| self.effect(index, Then::parse(word)?)).collect();
            let input = On::parse(line.on).and_then(|on| self.input(index, on));
            if let (Some(from), Some(input), Some(to)) = (state(line.from), input, state(line.to)) {
                participant.arms.entry((from, input)).or_default().push(Arm { to, effects });
            }
        }
    }

    fn fill_impossible(&self, index: usize, participant: &mut Participant<'a>) {
        let inputs = self.inputs(index, participant.service);
        for impossible in &participant.table.impossible {
            let named = impossible.on.iter().filter_map(|word| self.input(index, On::parse(word)?));
            let inputs = if impossible.on.iter().any(|word| word == ANY) { inputs.clone() } else { named.collect() };
            for from in pick(&impossible.from, &participant.states) {
                for input in inputs.iter().filter(|input| !participant.arms.contains_key(&(from, **input))) {
                    participant.impossible.entry((from, *input)).or_insert(&impossible.because);
                }
            }
        }
    }

    /// All inputs of a service.
    fn inputs(&self, index: usize, service: &Description) -> Vec<Input> {
        let of = |names: &[Named<'_>]| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, named)| named.service == index).map(|(number, _)| number).collect()
        };
        let events = service.handles.iter().filter_map(|name| self.event(name)).map(Input::Event);
        let commands = of(&self.commands).into_iter().map(Input::Command);
        let deadlines = of(&self.deadlines).into_iter().map(Input::Deadline);
        let answers = of(&self.calls)
            .into_iter()
            .flat_map(|call| (0..self.answers[call].len()).map(move |answer| Input::Answer(call, answer)));
        events.chain(commands).chain(deadlines).chain(answers).collect()
    }

    fn input(&self, index: usize, on: On<'_>) -> Option<Input> {
        Some(match on {
            On::Event(name) => Input::Event(self.event(name)?),
            On::Command(name) => Input::Command(find(&self.commands, index, name)?),
            On::Deadline(name) => Input::Deadline(find(&self.deadlines, index, name)?),
            On::Answer { call, answer } => {
                let call = find(&self.calls, index, call)?;
                Input::Answer(call, self.answers[call].iter().position(|of| *of == answer)?)
            }
        })
    }

    fn effect(&self, index: usize, then: Then<'_>) -> Option<Effect> {
        Some(match then {
            Then::Publish(name) => Effect::Publish(self.event(name)?),
            Then::Call(name) => Effect::Call(find(&self.calls, index, name)?),
            Then::Deadline(name) => Effect::Deadline(find(&self.deadlines, index, name)?),
            Then::Settle(name) => Effect::Settle(find(&self.deadlines, index, name)?),
            Then::Refuse => Effect::Refuse,
            // An amended call has the answers that it had.
            Then::Amend(_) | Then::Record => return None,
        })
    }
}

/// The states that are named, or all of them.
fn pick(named: &OneOrMany, states: &[&str]) -> Vec<usize> {
    if named.iter().any(|name| name == ANY) {
        return (0..states.len()).collect();
    }
    named.iter().filter_map(|name| states.iter().position(|state| *state == name)).collect()
}

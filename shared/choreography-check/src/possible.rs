//! An upper bound on what the state tables let happen, whatever the order of events. It is quickly known, also for runs that
//! were left. What is not in it never happens.

use std::collections::BTreeSet;

use crate::model::{Arm, Effect, Input, Model};

/// States and inputs that may come about.
#[derive(Debug, Default)]
pub struct Possible {
    /// Services and their states.
    pub states: BTreeSet<(usize, usize)>,
    /// Commands, events that are published, answers of calls that are made, deadlines that are set.
    pub inputs: BTreeSet<Input>,
}

/// What may come about, from the initial states and the commands on.
pub fn of(model: &Model<'_>) -> Possible {
    let mut possible = Possible {
        states: model.services.iter().enumerate().map(|(service, part)| (service, part.initial)).collect(),
        inputs: (0..model.commands.len()).map(Input::Command).collect(),
    };
    loop {
        let before = (possible.states.len(), possible.inputs.len());
        for (service, from, input, arm) in lines(model) {
            if possible.takes(service, from, input) {
                possible.add(model, service, arm);
            }
        }
        if (possible.states.len(), possible.inputs.len()) == before {
            return possible;
        }
    }
}

/// The lines of all state tables: service, state, input, and what is done.
pub fn lines<'m>(model: &'m Model<'_>) -> impl Iterator<Item = (usize, usize, Input, &'m Arm)> {
    model.services.iter().enumerate().flat_map(|(service, part)| {
        part.arms
            .iter()
            .flat_map(move |((from, input), arms)| arms.iter().map(move |arm| (service, *from, *input, arm)))
    })
}

impl Possible {
    /// Whether a service may be in this state when this input comes.
    pub fn takes(&self, service: usize, from: usize, input: Input) -> bool {
        self.states.contains(&(service, from)) && self.inputs.contains(&input)
    }

    fn add(&mut self, model: &Model<'_>, service: usize, arm: &Arm) {
        self.states.insert((service, arm.to));
        for effect in &arm.effects {
            match *effect {
                Effect::Publish(event) => {
                    self.inputs.insert(Input::Event(event));
                }
                Effect::Call(call) => {
                    self.inputs.extend((0..model.answers[call].len()).map(|of| Input::Answer(call, of)))
                }
                Effect::Deadline(deadline) => {
                    self.inputs.insert(Input::Deadline(deadline));
                }
                Effect::Settle(_) | Effect::Refuse => {}
            }
        }
    }
}

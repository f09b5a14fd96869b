//! A run, step by step, in words.

use super::{Exploration, Step, Wrong, moves::Cause, state::State};
use crate::model::{Arm, Effect, Input, Model};

/// What one service did because of one input.
#[derive(Clone, Debug)]
pub struct Taken {
    pub service: usize,
    pub input: Input,
    pub arm: Arm,
}

impl Exploration<'_, '_> {
    /// The states in which all services are at an end and nothing more happens by itself, those that are reached in fewer steps
    /// first.
    pub fn rests(&self) -> impl Iterator<Item = (usize, &State)> {
        let at_ends = |state: &State| {
            self.model.services.iter().enumerate().all(|(of, participant)| participant.ends[state.at(of)].is_some())
        };
        let rests = self.seen.ends.iter().map(|number| (*number, &*self.states[*number]));
        rests.filter(move |(_, state)| at_ends(state))
    }

    /// What was done on the shortest run to a state.
    pub fn taken_to(&self, state: usize) -> Vec<Taken> {
        let (mut taken, mut at) = (Vec::new(), state);
        while let Some((before, Step { cause, arm })) = self.came_by[at] {
            let (state, service) = (&self.states[before], cause.service(self.model));
            let arms = cause.input(state).and_then(|input| {
                Some((input, self.model.services[service].arms.get(&(state.at(service), input))?.get(arm?)?))
            });
            taken.extend(arms.map(|(input, arm)| Taken { service, input, arm: arm.clone() }));
            at = before;
        }
        taken.reverse();
        taken
    }

    /// The run that goes wrong.
    pub fn run_to(&self, wrong: &Wrong) -> Vec<String> {
        self.run(wrong.state, wrong.step)
    }

    /// The shortest run to a state, and a step from there.
    pub fn run(&self, state: usize, last: Option<Step>) -> Vec<String> {
        let mut lines: Vec<String> = last.map(|step| self.line(state, step)).into_iter().collect();
        let mut at = state;
        while let Some((before, step)) = self.came_by[at] {
            lines.push(self.line(before, step));
            at = before;
        }
        lines.reverse();
        lines
    }

    fn line(&self, before: usize, step: Step) -> String {
        let (model, state) = (self.model, &self.states[before]);
        let service = step.cause.service(model);
        let participant = &model.services[service];
        let (name, at) = (&participant.service.name, state.at(service));
        let Some(input) = step.cause.input(state) else {
            let Cause::Rewind { route, place } = step.cause else { return String::new() };
            let first = model.events[usize::from(state.queues[route].done[place])];
            return format!("{name} reads {} again, from {first} on", model.routes[route].topic);
        };
        let came =
            format!("{name}: {}, on {}{}", participant.states[at], model.word(input), beside(model, state, step.cause));
        match step.arm.and_then(|index| participant.arms.get(&(at, input))?.get(index)) {
            Some(arm) => format!("{came} → {}", done(model, &participant.states, at, arm)),
            None if participant.impossible.contains_key(&(at, input)) => {
                format!("{came}, which is declared as impossible")
            }
            None => format!("{came}, which the state table does not have"),
        }
    }
}

/// What is out of the usual about an input.
fn beside(model: &Model<'_>, state: &State, cause: Cause) -> String {
    match cause {
        Cause::Event { route, place } if place > 0 => {
            let before: Vec<&str> =
                state.queues[route].pending[..place].iter().map(|event| model.events[usize::from(*event)]).collect();
            format!(" (which overtakes {})", before.join(", "))
        }
        Cause::Repeat { .. } => " (once more)".to_owned(),
        _ => String::new(),
    }
}

fn done(model: &Model<'_>, states: &[&str], at: usize, arm: &Arm) -> String {
    let to = if arm.to == at { "no change" } else { states[arm.to] };
    let effects: Vec<String> = arm.effects.iter().map(|effect| named(model, *effect)).collect();
    if effects.is_empty() { to.to_owned() } else { format!("{to} ({})", effects.join(", ")) }
}

fn named(model: &Model<'_>, effect: Effect) -> String {
    match effect {
        Effect::Publish(event) => format!("publishes {}", model.events[event]),
        Effect::Call(call) => format!("calls {}", model.calls[call].name),
        Effect::Deadline(deadline) => format!("sets deadline {}", model.deadlines[deadline].name),
        Effect::Settle(deadline) => format!("takes back deadline {}", model.deadlines[deadline].name),
        Effect::Refuse => "refuses it, so the call stays open".to_owned(),
    }
}

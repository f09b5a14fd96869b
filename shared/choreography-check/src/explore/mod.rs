//! Goes through all orders of events of one saga, breadth-first: what goes wrong first, goes wrong in the fewest steps.
//!
//! Each reader takes each topic in order, and topics in any order. A command comes at any moment once a saga has begun, at
//! most twice; a deadline passes at any moment while it is set; a call has each of its answers. An event that is published a
//! third time is taken for a cycle, and that run is left.

mod judge;
mod limits;
mod moves;
mod reachable_ends;
mod state;
mod trace;
mod visited;

use std::{collections::HashMap, rc::Rc};

use crate::model::{Effect, Input, Model};

pub use moves::Cause;
pub use state::State;
pub use trace::Taken;
pub use visited::{Seen, Wrong};

/// How often an event is published in one saga before that is taken for a cycle.
const MOST_PUBLICATIONS: u8 = 2;

/// What is let happen besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Events and answers come again, at services that do not drop repeats.
    pub repeats: bool,
    /// Events that may overtake do.
    pub overtaking: bool,
}

/// How a state was reached: what happened, and which line of the state table it took.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub cause: Cause,
    pub arm: Option<usize>,
}

/// All states that were reached, and what was seen on the way.
pub struct Exploration<'m, 'a> {
    pub model: &'m Model<'a>,
    pub options: Options,
    pub seen: Seen,
    /// How many states to reach at most.
    pub limit: usize,
    states: Vec<Rc<State>>,
    came_by: Vec<Option<(usize, Step)>>,
    numbers: HashMap<Rc<State>, usize>,
    edges: Vec<(usize, usize)>,
}

/// Goes through all orders, up to this many states.
pub fn explore<'m, 'a>(model: &'m Model<'a>, options: Options, limit: usize) -> Exploration<'m, 'a> {
    let mut exploration = Exploration {
        model,
        options,
        seen: Seen::default(),
        limit,
        states: Vec::new(),
        came_by: Vec::new(),
        numbers: HashMap::new(),
        edges: Vec::new(),
    };
    exploration.reach(State::initial(model), None);
    let mut next = 0;
    while next < exploration.states.len() {
        if exploration.states.len() > limit {
            exploration.seen.is_full = true;
            break;
        }
        exploration.expand(next);
        next += 1;
    }
    exploration
}

impl<'a> Exploration<'_, 'a> {
    /// How many states were reached.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// How many steps there are between them.
    pub fn steps(&self) -> usize {
        self.edges.len()
    }

    /// Whether a service was in this state in any run.
    pub fn was_in(&self, service: usize, at: usize) -> bool {
        self.states.iter().any(|state| state.at(service) == at)
    }

    fn reach(&mut self, state: State, from: Option<(usize, Step)>) -> usize {
        let state = Rc::new(state);
        let number = *self.numbers.entry(Rc::clone(&state)).or_insert_with(|| {
            self.states.push(state);
            self.came_by.push(from);
            self.states.len() - 1
        });
        if let Some((before, _)) = from {
            self.edges.push((before, number));
        }
        number
    }

    fn expand(&mut self, number: usize) {
        let state = Rc::clone(&self.states[number]);
        let causes = moves::of(self.model, self.options, &state);
        if !causes.iter().any(|cause| cause.is_due()) {
            self.judge_rest(number, &state);
        } else {
            self.judge_waits(number, &state);
        }
        for cause in causes {
            let taken = moves::take(self.model, self.options, &state, cause);
            match cause.input(&state) {
                None => {
                    self.reach(taken, Some((number, Step { cause, arm: None })));
                }
                Some(input) => self.handle(number, &state, cause, input, &taken),
            }
        }
    }

    fn handle(&mut self, number: usize, before: &State, cause: Cause, input: Input, taken: &State) {
        let model = self.model;
        let service = cause.service(model);
        let at = before.at(service);
        let Some(arms) = model.services[service].arms.get(&(at, input)) else {
            self.judge_unmet(number, service, at, input, cause);
            return;
        };
        let answered = if let Input::Answer(call, _) = input { Some(call) } else { None };
        for (index, arm) in arms.iter().enumerate() {
            let step = Step { cause, arm: Some(index) };
            let mut after = taken.clone();
            after.apply(model, service, arm, answered);
            self.seen.taken.insert((service, at, input, index));
            self.judge_step(number, step, &arm.effects, taken, &after);
            self.judge_passing(number, step, at, arm);
            let round = arm.effects.iter().any(|effect| match effect {
                Effect::Publish(event) => after.published[*event] > MOST_PUBLICATIONS,
                _ => false,
            });
            if round {
                self.seen.leave(number);
            } else {
                self.reach(after, Some((number, step)));
            }
        }
    }
}

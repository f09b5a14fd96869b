//! What can happen next: topics in any order, commands and deadlines at any moment, each answer of each call.

use super::{
    Options,
    state::{CallState, State},
};
use crate::model::{Input, Model};

/// How often a client gives one command about one saga.
const MOST_COMMANDS: u8 = 2;

/// Why something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Command(usize),
    /// The event at this place among those that are pending on a route; not the first one, if it overtakes.
    Event {
        route: usize,
        place: usize,
    },
    /// A reader begins anew at this place among those that it has handled.
    Rewind {
        route: usize,
        place: usize,
    },
    Deadline(usize),
    Answer {
        call: usize,
        answer: usize,
    },
    /// The answer that came before comes again.
    Repeat {
        call: usize,
        answer: usize,
    },
}

impl Cause {
    /// Whether it happens by itself: the saga is not at rest before.
    pub fn is_due(self) -> bool {
        matches!(self, Self::Event { .. } | Self::Deadline(_) | Self::Answer { .. })
    }

    /// The service that it is about.
    pub fn service(self, model: &Model<'_>) -> usize {
        match self {
            Self::Command(command) => model.commands[command].service,
            Self::Event { route, .. } | Self::Rewind { route, .. } => model.routes[route].reader,
            Self::Deadline(deadline) => model.deadlines[deadline].service,
            Self::Answer { call, .. } | Self::Repeat { call, .. } => model.calls[call].service,
        }
    }

    /// The input that it brings, if it is one.
    pub fn input(self, state: &State) -> Option<Input> {
        Some(match self {
            Self::Command(command) => Input::Command(command),
            Self::Event { route, place } => Input::Event(usize::from(state.queues[route].pending[place])),
            Self::Rewind { .. } => return None,
            Self::Deadline(deadline) => Input::Deadline(deadline),
            Self::Answer { call, answer } | Self::Repeat { call, answer } => Input::Answer(call, answer),
        })
    }
}

/// All that can happen.
pub fn of(model: &Model<'_>, options: Options, state: &State) -> Vec<Cause> {
    let mut causes = events(model, options, state);
    for (deadline, of) in state.deadlines.iter().enumerate() {
        if of.armed {
            causes.push(Cause::Deadline(deadline));
        }
    }
    for (call, of) in state.calls.iter().enumerate() {
        match *of {
            CallState::None => {}
            CallState::Open => {
                causes.extend((0..model.answers[call].len()).map(|answer| Cause::Answer { call, answer }));
            }
            CallState::MayRepeat(answer) => causes.push(Cause::Repeat { call, answer: usize::from(answer) }),
        }
    }
    let begun = model.begins.is_empty() || model.begins.iter().any(|command| state.commands[*command] > 0);
    for (command, given) in state.commands.iter().enumerate() {
        let most = if model.begins.contains(&command) { 1 } else { MOST_COMMANDS };
        if *given < most && (begun || model.begins.contains(&command)) {
            causes.push(Cause::Command(command));
        }
    }
    causes
}

fn events(model: &Model<'_>, options: Options, state: &State) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (route, queue) in state.queues.iter().enumerate() {
        if !queue.pending.is_empty() {
            causes.push(Cause::Event { route, place: 0 });
        }
        if options.overtaking {
            let overtakes = |event: &u16| model.overtaking[route].contains(&usize::from(*event));
            let later = queue.pending.iter().enumerate().skip(1).filter(|(_, event)| overtakes(event));
            causes.extend(later.map(|(place, _)| Cause::Event { route, place }));
        }
        causes.extend((0..queue.done.len()).map(|place| Cause::Rewind { route, place }));
    }
    causes
}

/// The state once the input is taken up, before anything is done about it.
pub fn take(model: &Model<'_>, options: Options, before: &State, cause: Cause) -> State {
    let mut state = before.clone();
    let repeats = options.repeats && !model.services[cause.service(model)].service.deduplicates;
    match cause {
        Cause::Command(command) => state.commands[command] += 1,
        Cause::Event { route, place } => {
            let queue = &mut state.queues[route];
            let event = queue.pending.remove(place);
            if repeats && !queue.rewound {
                queue.done.push(event);
            }
        }
        Cause::Rewind { route, place } => {
            let queue = &mut state.queues[route];
            let mut again = queue.done.split_off(place);
            again.append(&mut queue.pending);
            queue.pending = again;
            queue.done.clear();
            queue.rewound = true;
        }
        Cause::Deadline(deadline) => {
            state.deadlines[deadline].armed = false;
            state.deadlines[deadline].passed = true;
        }
        Cause::Answer { call, answer } => {
            let may_repeat = u8::try_from(answer).ok().filter(|_| repeats);
            state.calls[call] = may_repeat.map_or(CallState::None, CallState::MayRepeat);
        }
        Cause::Repeat { call, .. } => state.calls[call] = CallState::None,
    }
    state
}

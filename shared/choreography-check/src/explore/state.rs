//! Where a saga stands as a whole: each service's state, what is on its way to it, and what is still open.

use crate::model::{Arm, Effect, Model};

/// A topic's events for one reader, in the order in which they were published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    /// Not handled yet.
    pub pending: Vec<u16>,
    /// Handled, as long as they may come again.
    pub done: Vec<u16>,
    /// The reader began anew at an earlier event. That is let happen once.
    pub rewound: bool,
}

/// An external call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallState {
    /// None, or answered for good.
    #[default]
    None,
    Open,
    /// Answered, and the same answer may come again.
    MayRepeat(u8),
}

/// A deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeadlineState {
    pub armed: bool,
    /// It has passed at least once.
    pub passed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub at: Vec<u16>,
    pub queues: Vec<Queue>,
    pub calls: Vec<CallState>,
    pub deadlines: Vec<DeadlineState>,
    /// How often each command came.
    pub commands: Vec<u8>,
    /// How often each event was published.
    pub published: Vec<u8>,
}

impl State {
    pub fn initial(model: &Model<'_>) -> Self {
        Self {
            at: model.services.iter().map(|participant| small(participant.initial)).collect(),
            queues: vec![Queue::default(); model.routes.len()],
            calls: vec![CallState::None; model.calls.len()],
            deadlines: vec![DeadlineState::default(); model.deadlines.len()],
            commands: vec![0; model.commands.len()],
            published: vec![0; model.events.len()],
        }
    }

    pub fn at(&self, service: usize) -> usize {
        usize::from(self.at[service])
    }

    pub fn is_published(&self, event: usize) -> bool {
        self.published[event] > 0
    }

    /// Does what a line of a service's state table says. `answered`: the call that the input answers.
    pub fn apply(&mut self, model: &Model<'_>, service: usize, arm: &Arm, answered: Option<usize>) {
        self.at[service] = small(arm.to);
        for effect in &arm.effects {
            match *effect {
                Effect::Publish(event) => {
                    self.published[event] += 1;
                    for route in &model.readers[event] {
                        self.queues[*route].pending.push(small(event));
                    }
                }
                Effect::Call(call) => self.calls[call] = CallState::Open,
                Effect::Deadline(deadline) => self.deadlines[deadline].armed = true,
                Effect::Settle(deadline) => self.deadlines[deadline].armed = false,
                Effect::Refuse => {
                    if let Some(call) = answered {
                        self.calls[call] = CallState::Open;
                    }
                }
            }
        }
    }

    /// Whether the whole is in time: a deadline runs or has passed, or the service that had one is at an end.
    pub fn is_limited(&self, model: &Model<'_>) -> bool {
        self.deadlines.iter().zip(&model.deadlines).any(|(state, deadline)| {
            let (participant, at) = (&model.services[deadline.service], self.at(deadline.service));
            let ended = at != participant.initial && participant.ends[at].is_some();
            state.armed || state.passed || ended
        })
    }

    /// Whether a service has something of its own coming: an answer, or a deadline.
    pub fn is_busy(&self, model: &Model<'_>, service: usize) -> bool {
        let calls = self.calls.iter().zip(&model.calls);
        let deadlines = self.deadlines.iter().zip(&model.deadlines);
        calls.into_iter().any(|(state, call)| call.service == service && *state == CallState::Open)
            || deadlines.into_iter().any(|(state, deadline)| deadline.service == service && state.armed)
    }
}

/// What a description can name is far less than this: a state table of that size can't be read in.
pub fn small(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

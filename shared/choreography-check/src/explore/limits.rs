//! Whether time is limited: waits, rounds of calls, and deadlines that lead somewhere.

use super::{Exploration, Step, Wrong, moves::Cause, state::State};
use crate::{
    kind::Kind,
    model::{Arm, Effect, Input, Participant},
};

impl Exploration<'_, '_> {
    /// Finds services that wait for others while no deadline runs. The first one is named: those it waits for wait, too.
    pub(super) fn judge_waits(&mut self, number: usize, state: &State) {
        if self.seen.has(Kind::WaitWithoutDeadline) || state.is_limited(self.model) {
            return;
        }
        let waits = |service: &usize| {
            let (participant, at) = (&self.model.services[*service], state.at(*service));
            at != participant.initial && participant.ends[at].is_none() && !state.is_busy(self.model, *service)
        };
        if let Some(service) = (0..self.model.services.len()).find(waits) {
            let name = self.state_name(service, state).to_owned();
            let what = format!("{name} is left by what others do, and no deadline was set on the way there");
            let wrong = Wrong { state: number, step: None, what };
            self.seen.goes_wrong(Kind::WaitWithoutDeadline, self.place(service, name), wrong);
        }
    }

    /// A deadline passes, and nothing comes of it: it limits nothing. Nothing has to where whatever led to this state has
    /// set something going already.
    pub(super) fn judge_passing(&mut self, number: usize, step: Step, at: usize, arm: &Arm) {
        let Cause::Deadline(deadline) = step.cause else { return };
        let service = self.model.deadlines[deadline].service;
        let participant = &self.model.services[service];
        if participant.ends[at].is_some() || leads_on(participant, arm) {
            return;
        }
        let elsewhere = |(from, input): &(usize, Input)| *from != at && !matches!(input, Input::Deadline(_));
        let mut ways_in = participant.arms.iter().filter(|(line, _)| elsewhere(line)).flat_map(|(_, arms)| arms);
        let under_way = ways_in.all(|way| way.to != at || leads_on(participant, way));
        if arm.to == at && under_way {
            return;
        }
        let place = self
            .place(service, format!("{}, on {}", participant.states[at], self.model.word(Input::Deadline(deadline))));
        let what = "the deadline passes, and nothing comes of it".to_owned();
        self.seen.goes_wrong(Kind::WaitWithoutDeadline, place, Wrong { state: number, step: Some(step), what });
    }

    /// An answer makes the call again, or leaves it open: that ends only by another answer, or by a deadline.
    pub(super) fn judge_round_of_calls(&mut self, number: usize, step: Step, effect: Effect, before: &State) {
        let Cause::Answer { call, answer } = step.cause else { return };
        let again = matches!(effect, Effect::Refuse) || effect == Effect::Call(call);
        if !again || before.is_limited(self.model) {
            return;
        }
        let service = self.model.calls[call].service;
        let word = self.model.word(Input::Answer(call, answer));
        let place = self.place(service, format!("{}, on {word}", self.state_name(service, before)));
        let what = format!("{word} leads to the same call again, and no deadline runs");
        self.seen.goes_wrong(Kind::CycleWithoutDeadline, place, Wrong { state: number, step: Some(step), what });
    }
}

/// Whether others learn of it, or the service is at an end, or has another deadline.
fn leads_on(participant: &Participant<'_>, arm: &Arm) -> bool {
    let acts = |effect: &Effect| matches!(effect, Effect::Publish(_) | Effect::Call(_) | Effect::Deadline(_));
    participant.ends[arm.to].is_some() || arm.effects.iter().any(acts)
}

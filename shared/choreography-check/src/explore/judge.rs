//! What is wrong with a state, or with a step.

use super::{Exploration, MOST_PUBLICATIONS, Step, Wrong, moves::Cause, state::State};
use crate::{
    kind::Kind,
    model::{Effect, Input},
    report::Place,
};

impl Exploration<'_, '_> {
    pub(super) fn place(&self, service: usize, at: impl Into<String>) -> Place {
        Place::new(self.model.services[service].service.name.clone(), at)
    }

    /// The place of an event: its publisher.
    pub(super) fn place_of(&self, event: usize) -> Place {
        let name = self.model.events[event];
        let publisher = self.model.services.iter().position(|participant| participant.service.publishes(name));
        self.place(publisher.unwrap_or_default(), name)
    }

    pub(super) fn state_name(&self, service: usize, state: &State) -> &str {
        self.model.services[service].states[state.at(service)]
    }

    /// An input came in a state of which the state table does not say what it does there.
    pub(super) fn judge_unmet(&mut self, number: usize, service: usize, at: usize, input: Input, cause: Cause) {
        let participant = &self.model.services[service];
        let (state, word) = (participant.states[at], self.model.word(input));
        let (kind, what) = match participant.impossible.get(&(at, input)) {
            Some(reason) => (
                Kind::ImpossibleOccurs,
                format!("{word} comes in {state}, and is declared as impossible there ({reason})"),
            ),
            None => {
                (Kind::UndeclaredInput, format!("{word} comes in {state}, and the state table does not have the two"))
            }
        };
        let place = self.place(service, format!("{state}, on {word}"));
        let step = Some(Step { cause, arm: None });
        self.seen.goes_wrong(kind, place, Wrong { state: number, step, what });
        self.seen.leave(number);
    }

    /// Nothing more happens by itself: all services must be at an end, and at the same one.
    pub(super) fn judge_rest(&mut self, number: usize, state: &State) {
        if state.commands.iter().all(|given| *given == 0) && state.published.iter().all(|times| *times == 0) {
            return;
        }
        self.seen.ends.push(number);
        let services = 0..self.model.services.len();
        let end = |service: usize| self.model.services[service].ends[state.at(service)].as_ref();
        let open: Vec<usize> = services.clone().filter(|service| end(*service).is_none()).collect();
        self.judge_stuck(number, state, &open);
        if !open.is_empty() {
            return;
        }
        if let Some((place, what)) = self.disagreement(state) {
            self.seen.goes_wrong(Kind::EndsDisagree, place, Wrong { state: number, step: None, what });
            return;
        }
        self.seen.ended.extend(services.map(|service| (service, state.at(service))));
        self.note_kept(number, state);
    }

    /// Services are at no end, and nothing more comes. Named are those that wait for none of the others: these wait for them.
    fn judge_stuck(&mut self, number: usize, state: &State, open: &[usize]) {
        let waits =
            |service: usize| open.iter().any(|other| *other != service && self.waits_for(service, *other, state));
        let mut first: Vec<usize> = open.iter().copied().filter(|service| !waits(*service)).collect();
        if first.is_empty() {
            first = open.to_vec();
        }
        for service in first {
            let name = self.state_name(service, state).to_owned();
            let others = open.iter().filter(|other| **other != service);
            let others: Vec<String> = others
                .map(|other| {
                    format!("{} in {}", self.model.services[*other].service.name, self.state_name(*other, state))
                })
                .collect();
            let with = if others.is_empty() { String::new() } else { format!("; nor are {}", others.join(" and ")) };
            let what = format!("nothing more comes, and {name} is no end{with}");
            let wrong = Wrong { state: number, step: None, what };
            self.seen.goes_wrong(Kind::NoWayToAnEnd, self.place(service, name), wrong);
        }
    }

    /// Whether an event of the other would take a service further.
    fn waits_for(&self, service: usize, other: usize, state: &State) -> bool {
        let (participant, at) = (&self.model.services[service], state.at(service));
        let other = self.model.services[other].service;
        participant.arms.iter().any(|((from, input), arms)| match input {
            Input::Event(event) if *from == at => {
                other.publishes(self.model.events[*event]) && arms.iter().any(|arm| arm.to != at)
            }
            _ => false,
        })
    }

    /// Which services do not agree on how the saga ended: two, or all together.
    fn disagreement(&self, state: &State) -> Option<(Place, String)> {
        let services = &self.model.services;
        let ends: Vec<_> =
            services.iter().enumerate().filter_map(|(of, part)| part.ends[state.at(of)].as_ref()).collect();
        let says = |of: usize| {
            let outcomes: Vec<&str> = ends[of].iter().copied().collect();
            format!(
                "{} is {} (which means {})",
                services[of].service.name,
                self.state_name(of, state),
                outcomes.join(" or ")
            )
        };
        for one in 0..ends.len() {
            if let Some(other) = (one + 1..ends.len()).find(|other| ends[one].is_disjoint(ends[*other])) {
                let (mine, theirs) = (self.state_name(one, state), self.state_name(other, state));
                let at = format!("{mine}, with {} {theirs}", services[other].service.name);
                return Some((self.place(one, at), format!("it is over: {}, and {}", says(one), says(other))));
            }
        }
        let (first, others) = ends.split_first()?;
        if first.iter().any(|outcome| others.iter().all(|other| other.contains(outcome))) {
            return None;
        }
        let all: Vec<String> = (0..ends.len()).map(says).collect();
        Some((self.place(0, self.state_name(0, state)), format!("it is over: {}", all.join(", "))))
    }

    /// A run ended without a pivot: which of its steps were undone?
    fn note_kept(&mut self, number: usize, state: &State) {
        if self.model.pivots.iter().any(|pivot| state.is_published(*pivot)) {
            return;
        }
        let mut ends = self.model.services.iter().enumerate().filter_map(|(of, part)| part.ends[state.at(of)].as_ref());
        let common = ends.next().map(|first| ends.fold(first.clone(), |common, of| &common & of)).unwrap_or_default();
        self.seen.without_pivot.extend(common.into_iter().map(str::to_owned));
        for event in (0..state.published.len()).filter(|event| state.is_published(*event)) {
            self.seen.kept.entry(event).or_insert(number);
            let undone = self.model.compensations.get(&event);
            if undone.is_some_and(|undone| !state.is_published(*undone)) {
                self.seen.not_undone.entry(event).or_insert(number);
            }
        }
    }

    /// A step was made: does it go round, or undo what is past the pivot?
    pub(super) fn judge_step(&mut self, number: usize, step: Step, effects: &[Effect], before: &State, after: &State) {
        for effect in effects {
            match *effect {
                Effect::Publish(event) => self.judge_publication(number, step, event, after),
                Effect::Call(_) | Effect::Refuse => self.judge_round_of_calls(number, step, *effect, before),
                Effect::Deadline(_) | Effect::Settle(_) => {}
            }
        }
    }

    fn judge_publication(&mut self, number: usize, step: Step, event: usize, after: &State) {
        self.seen.published.entry(event).or_insert((number, step));
        let (name, place) = (self.model.events[event], self.place_of(event));
        let mut wrong = |kind: Kind, place: Place, what: String| {
            self.seen.goes_wrong(kind, place, Wrong { state: number, step: Some(step), what });
        };
        if after.published[event] > MOST_PUBLICATIONS && !after.is_limited(self.model) {
            let what = format!("{name} is published for the third time, and no deadline runs");
            wrong(Kind::CycleWithoutDeadline, place.clone(), what);
        }
        let passed = self.model.pivots.iter().find(|pivot| after.is_published(**pivot));
        let undoes = self.model.compensations.values().any(|undone| *undone == event);
        if let Some(pivot) = passed.filter(|_| undoes) {
            let what = format!("{name} undoes a step after {}", self.model.events[*pivot]);
            wrong(Kind::UndoneAfterPivot, place, what);
        }
        if self.model.pivots.contains(&event) && after.published[event] == 1 {
            self.judge_pivot(number, step, event, after);
        }
    }

    /// The pivot is passed: what was before it, and is all of that still done?
    fn judge_pivot(&mut self, number: usize, step: Step, pivot: usize, after: &State) {
        self.seen.pivots += 1;
        for event in (0..after.published.len()).filter(|event| *event != pivot && after.is_published(*event)) {
            *self.seen.before_pivot.entry(event).or_default() += 1;
        }
        for (done, undone) in &self.model.compensations {
            if after.is_published(*done) && after.published[*undone] >= after.published[*done] {
                let (done, pivot) = (self.model.events[*done], self.model.events[pivot]);
                let what = format!("{pivot} comes although {done} is undone");
                let wrong = Wrong { state: number, step: Some(step), what };
                self.seen.goes_wrong(Kind::UndoneAfterPivot, self.place_of(*undone), wrong);
            }
        }
    }
}

//! What the explorations of one component come to: findings, each with its shortest run.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    explore::{Exploration, Options, explore},
    kind::Kind,
    model::{Input, Model},
    report::{Explored, Finding, Place, Report},
};

/// What exploring one component gave.
#[derive(Debug, Default)]
pub struct Verdict {
    pub report: Report,
    /// For each event that is published: the shortest run that publishes it.
    pub publications: BTreeMap<String, Vec<String>>,
}

/// Explores a component: first as it should be, then with repeats, then with overtaking; what only the later ones find is
/// laid at their door.
pub fn of(model: &Model<'_>, limit: usize) -> Verdict {
    let mut verdict = Verdict::default();
    let plain = explore(model, Options::default(), limit);
    verdict.findings_of(&plain, None);
    let mut widest = plain;
    if model.repeats() {
        widest = explore(model, Options { repeats: true, overtaking: false }, limit);
        verdict.findings_of(&widest, Some(Kind::UnsoundRepeat));
    }
    if model.overtakes() {
        widest = explore(model, Options { repeats: model.repeats(), overtaking: true }, limit);
        verdict.findings_of(&widest, Some(Kind::UnsoundOvertaking));
    }
    verdict.conclude(&widest);
    verdict
}

impl Verdict {
    fn add(&mut self, kind: Kind, place: Place, what: String, order: Vec<String>) {
        self.report.findings.push(Finding { kind, place, what, order, fix: kind.fix().to_owned() });
    }

    fn knows(&self, kind: Kind, place: &Place) -> bool {
        let findings = &self.report.findings;
        findings.iter().any(|of| of.kind == kind && (of.place == *place || kind == Kind::WaitWithoutDeadline))
    }

    /// What goes wrong in an exploration and is not known from those before it. `only`: what it is a matter of.
    fn findings_of(&mut self, exploration: &Exploration<'_, '_>, only: Option<Kind>) {
        let mut found = Vec::new();
        for ((kind, place), wrong) in &exploration.seen.wrong {
            found.push((*kind, place.clone(), wrong.what.clone(), exploration.run_to(wrong)));
        }
        found.extend(not_undone(exploration));
        found.extend(never_ending(exploration));
        found.retain(|(kind, place, ..)| !self.knows(*kind, place));
        let whole = found.into_iter().map(|(kind, place, what, order)| match only {
            None => (kind, place, what, order),
            Some(only) => (only, place, format!("{kind}: {what}"), order),
        });
        for (kind, place, what, order) in whole.collect::<Vec<_>>() {
            if !self.knows(kind, &place) {
                self.add(kind, place, what, order);
            }
        }
        for (event, (state, step)) in &exploration.seen.published {
            let run = || exploration.run(*state, Some(*step));
            self.publications.entry(exploration.model.events[*event].to_owned()).or_insert_with(run);
        }
        self.report.explored.push(explored(exploration));
        if exploration.seen.is_full {
            let place = Place::new(exploration.model.services[0].service.name.clone(), "state_table");
            let what = format!("there are more than {} states", exploration.states() - 1);
            self.add(Kind::NotExplored, place, what, Vec::new());
        }
    }

    /// What no run came by. It can be told only of runs that were not left.
    fn conclude(&mut self, widest: &Exploration<'_, '_>) {
        let whole = !widest.seen.is_cut && !widest.seen.is_full;
        for place in untriggered(widest, whole) {
            let what = format!("no order of events leads to {}", place.at);
            self.add(Kind::UntriggeredCompensation, place, what, Vec::new());
        }
        for place in unreached_ends(widest, whole) {
            let what = format!("no order of events ends in {}", place.at);
            self.add(Kind::UnreachableEnd, place, what, Vec::new());
        }
        if whole && self.report.findings.is_empty() {
            for place in untaken(widest) {
                let what = "no order of events takes this transition".to_owned();
                self.add(Kind::UnreachableTransition, place, what, Vec::new());
            }
        }
    }
}

type Found = (Kind, Place, String, Vec<String>);

fn explored(exploration: &Exploration<'_, '_>) -> Explored {
    Explored {
        services: exploration.model.services.iter().map(|part| part.service.name.clone()).collect(),
        states: exploration.states(),
        steps: exploration.steps(),
        repeats: exploration.options.repeats,
        overtaking: exploration.options.overtaking,
        complete: !exploration.seen.is_cut && !exploration.seen.is_full,
    }
}

/// The events that state steps before the pivot: those without which it is never passed, and those that come before it in
/// some runs and are no requests to undo something.
fn steps(exploration: &Exploration<'_, '_>) -> BTreeSet<usize> {
    let (model, seen) = (exploration.model, &exploration.seen);
    let backward = |event: &usize| {
        let name = model.events[*event];
        model.services.iter().any(|part| part.service.compensates.iter().any(|of| of == name))
            || model.compensations.values().any(|undone| undone == event)
    };
    let before = seen.before_pivot.iter();
    before.filter(|(event, runs)| **runs == seen.pivots || !backward(event)).map(|(event, _)| *event).collect()
}

/// Steps that are kept where a run ends without the pivot.
fn not_undone(exploration: &Exploration<'_, '_>) -> Vec<Found> {
    let (model, seen) = (exploration.model, &exploration.seen);
    let publisher = |name: &str| model.services.iter().find(|part| part.service.publishes(name));
    let mut found = Vec::new();
    for event in steps(exploration) {
        let name = model.events[event];
        let (kept, what) = match model.compensations.get(&event) {
            None => (seen.kept.get(&event), format!("{name} comes before the pivot, and nothing undoes it")),
            Some(undone) => {
                let undone = model.events[*undone];
                (seen.not_undone.get(&event), format!("a run ends without the pivot, with {name} and without {undone}"))
            }
        };
        if let (Some(state), Some(part)) = (kept, publisher(name)) {
            let place = Place::new(part.service.name.clone(), name);
            found.push((Kind::NoCompensation, place, what, exploration.run(*state, None)));
        }
    }
    found
}

/// Runs that go on for ever and never come to an end.
fn never_ending(exploration: &Exploration<'_, '_>) -> Option<Found> {
    let state = exploration.without_a_way()?;
    let (service, at) = exploration.not_at_an_end(state);
    let part = &exploration.model.services[service];
    let place = Place::new(part.service.name.clone(), part.states[at]);
    let what = format!("from {} on, things happen for ever, and no run comes to an end", part.states[at]);
    Some((Kind::NoWayToAnEnd, place, what, exploration.run(state, None)))
}

/// Compensations that no run publishes, or that no transition does.
fn untriggered(exploration: &Exploration<'_, '_>, whole: bool) -> Vec<Place> {
    let (model, seen) = (exploration.model, &exploration.seen);
    let undone: BTreeSet<&str> = model.compensations.values().map(|event| model.events[*event]).collect();
    let written = |name: &&str| {
        let mut transitions = model.services.iter().flat_map(|part| &part.table.transitions);
        transitions.any(|transition| transition.then.iter().any(|word| word == name))
    };
    let published = |name: &&str| model.event(name).is_some_and(|event| seen.published.contains_key(&event));
    let never = undone.into_iter().filter(|name| !published(name) && (whole || !written(name)));
    never
        .filter_map(|name| {
            let part = model.services.iter().find(|part| part.service.publishes(name))?;
            Some(Place::new(part.service.name.clone(), name))
        })
        .collect()
}

/// Ends in which no run ends, or to which no line of the state table leads.
fn unreached_ends(exploration: &Exploration<'_, '_>, whole: bool) -> Vec<Place> {
    let mut found = Vec::new();
    for (service, part) in exploration.model.services.iter().enumerate() {
        for (state, _) in part.ends.iter().enumerate().filter(|(_, outcomes)| outcomes.is_some()) {
            let reached = exploration.seen.ended.contains(&(service, state));
            let led_to = state == part.initial || part.arms.values().flatten().any(|arm| arm.to == state);
            if !reached && (whole || !led_to) {
                found.push(Place::new(part.service.name.clone(), part.states[state]));
            }
        }
    }
    found
}

/// Lines of state tables that change something and that no run takes.
fn untaken(exploration: &Exploration<'_, '_>) -> Vec<Place> {
    let (model, seen) = (exploration.model, &exploration.seen);
    let mut found = BTreeSet::new();
    for (service, part) in model.services.iter().enumerate() {
        for ((from, input), arms) in &part.arms {
            for (index, arm) in arms.iter().enumerate() {
                let changes = arm.to != *from || !arm.effects.is_empty();
                if changes && is_fed(model, *input) && !seen.taken.contains(&(service, *from, *input, index)) {
                    let at = format!("{}, on {}", part.states[*from], model.word(*input));
                    found.insert(Place::new(part.service.name.clone(), at));
                }
            }
        }
    }
    found.into_iter().collect()
}

/// An event that nobody publishes is told of by itself.
fn is_fed(model: &Model<'_>, input: Input) -> bool {
    let Input::Event(event) = input else { return true };
    model.services.iter().any(|part| part.service.publishes(model.events[event]))
}

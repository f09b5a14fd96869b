//! What the explorations of one component come to: findings, each with its shortest run.

mod steps;
mod unreached;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    explore::{Exploration, Options, explore},
    kind::Kind,
    model::Model,
    possible,
    report::{Explored, Finding, Place, Report},
};

/// What exploring one component gave.
#[derive(Debug, Default)]
pub struct Verdict {
    pub report: Report,
    /// For each event that is published: the shortest run that publishes it.
    pub publications: BTreeMap<String, Vec<String>>,
    /// What goes wrong in any run: the narrower exploration that found it first has it.
    known: BTreeSet<(Kind, Place)>,
}

/// Explores a component: first as it should be, then with repeats, then with overtaking; what only the later ones find is
/// blamed on them.
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
        self.report.findings.push(Finding::new(kind, place, what, order));
    }

    /// What goes wrong in an exploration and is not known from those before it. `only`: what it is a matter of.
    fn findings_of(&mut self, exploration: &Exploration<'_, '_>, only: Option<Kind>) {
        let wrong = exploration.seen.wrong.iter();
        let mut found: Vec<Found> = wrong
            .map(|((kind, place), wrong)| (*kind, place.clone(), wrong.what.clone(), exploration.run_to(wrong)))
            .collect();
        found.extend(steps::not_undone(exploration));
        found.extend(never_ending(exploration));
        // Of waits the first one is named, and that may be another one here.
        let waits = self.known.iter().any(|(kind, _)| *kind == Kind::WaitWithoutDeadline);
        for (kind, place, what, order) in found {
            if (waits && kind == Kind::WaitWithoutDeadline) || !self.known.insert((kind, place.clone())) {
                continue;
            }
            match only {
                None => self.add(kind, place, what, order),
                Some(only) => self.add(only, place, format!("{kind}: {what}"), order),
            }
        }
        for (event, (state, step)) in &exploration.seen.published {
            let run = || exploration.run(*state, Some(*step));
            self.publications.entry(exploration.model.events[*event].to_owned()).or_insert_with(run);
        }
        self.report.explored.push(explored(exploration));
        if exploration.seen.is_full {
            let place = Place::new(exploration.model.services[0].service.name.clone(), "state_table");
            let what = format!("there are more than {} states", exploration.limit);
            if self.known.insert((Kind::NotExplored, place.clone())) {
                self.add(Kind::NotExplored, place, what, Vec::new());
            }
        }
    }

    /// What no run came by. It can be told only of runs that were not left.
    fn conclude(&mut self, widest: &Exploration<'_, '_>) {
        let whole = !widest.seen.is_cut && !widest.seen.is_full;
        let possible = possible::of(widest.model);
        for place in unreached::untriggered(widest, &possible, whole) {
            let what = format!("no order of events leads to {}", place.at);
            self.add(Kind::UntriggeredCompensation, place, what, Vec::new());
        }
        for place in unreached::unreached_ends(widest, &possible, whole, self.known.is_empty()) {
            let what = format!("no order of events ends in {}", place.at);
            self.add(Kind::UnreachableEnd, place, what, Vec::new());
        }
        if whole && self.known.is_empty() {
            for place in unreached::untaken(widest) {
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

/// Runs that go on for ever and never come to an end.
fn never_ending(exploration: &Exploration<'_, '_>) -> Option<Found> {
    let state = exploration.without_a_way()?;
    let (service, at) = exploration.not_at_an_end(state);
    let part = &exploration.model.services[service];
    let place = Place::new(part.service.name.clone(), part.states[at]);
    let what = format!("from {} on, things happen for ever, and no run comes to an end", part.states[at]);
    Some((Kind::NoWayToAnEnd, place, what, exploration.run(state, None)))
}

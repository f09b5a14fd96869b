//! Steps before the pivot, and whether they are undone where a run does not get there.

use std::collections::BTreeSet;

use super::Found;
use crate::{
    explore::Exploration,
    kind::Kind,
    model::{Effect, Model},
    possible,
    report::Place,
};

/// The events that state steps before the pivot: those without which it is never passed, and those that come before it in
/// some runs and are no requests to undo something. An event with which its service is at an end that suits a run without
/// the pivot holds nothing.
fn steps(exploration: &Exploration<'_, '_>) -> BTreeSet<usize> {
    let (model, seen) = (exploration.model, &exploration.seen);
    let backward = |event: &usize| {
        let name = model.events[*event];
        model.services.iter().any(|part| part.service.compensates.iter().any(|of| of == name))
            || model.compensations.values().any(|undone| undone == event)
    };
    // An event that no service handles and that is no outcome is reported by itself.
    let lost = |event: &usize| {
        let name = model.events[*event];
        model.readers[*event].is_empty()
            && !model.services.iter().any(|part| part.service.outcomes.iter().any(|of| of == name))
    };
    let before =
        seen.before_pivot.iter().filter(|(event, runs)| **runs == seen.pivots || !(backward(event) || lost(event)));
    before.map(|(event, _)| *event).filter(|event| holds(model, *event, &seen.without_pivot)).collect()
}

/// Whether a service is somewhere with this event where a run without the pivot must not leave it.
fn holds(model: &Model<'_>, event: usize, without_pivot: &BTreeSet<String>) -> bool {
    possible::lines(model).filter(|(.., arm)| arm.effects.contains(&Effect::Publish(event))).any(
        |(service, _, _, arm)| {
            let outcomes = model.services[service].ends[arm.to].as_ref();
            outcomes.is_none_or(|outcomes| !outcomes.iter().any(|outcome| without_pivot.contains(*outcome)))
        },
    )
}

/// Steps that are kept where a run ends without the pivot.
pub(super) fn not_undone(exploration: &Exploration<'_, '_>) -> Vec<Found> {
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

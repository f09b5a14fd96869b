//! What no run reached: compensations, ends, lines of state tables.

use std::collections::BTreeSet;

use crate::{
    explore::Exploration,
    model::{Input, Model},
    possible::Possible,
    report::Place,
};

/// Compensations that no run publishes. Where runs were left: those that none could publish.
pub(super) fn untriggered(exploration: &Exploration<'_, '_>, possible: &Possible, whole: bool) -> Vec<Place> {
    let (model, seen) = (exploration.model, &exploration.seen);
    let undone: BTreeSet<usize> = model.compensations.values().copied().collect();
    let happens = |event: &usize| {
        if whole { seen.published.contains_key(event) } else { possible.inputs.contains(&Input::Event(*event)) }
    };
    let never = undone.into_iter().filter(|event| !happens(event)).map(|event| model.events[event]);
    let place = |name: &str| {
        let part = model.services.iter().find(|part| part.service.publishes(name))?;
        Some(Place::new(part.service.name.clone(), name))
    };
    never.filter_map(place).collect()
}

/// Ends in which no run ends. Where runs go wrong: in which no service ever is. Where they were left: in which none can be.
pub(super) fn unreached_ends(
    exploration: &Exploration<'_, '_>,
    possible: &Possible,
    whole: bool,
    right: bool,
) -> Vec<Place> {
    let reached = |end: (usize, usize)| match (whole, right) {
        (true, true) => exploration.seen.ended.contains(&end),
        (true, false) => exploration.was_in(end.0, end.1),
        (false, _) => possible.states.contains(&end),
    };
    let mut found = Vec::new();
    for (service, part) in exploration.model.services.iter().enumerate() {
        let ends = part.ends.iter().enumerate().filter(|(_, outcomes)| outcomes.is_some());
        found.extend(
            ends.filter(|(state, _)| !reached((service, *state)))
                .map(|(state, _)| Place::new(part.service.name.clone(), part.states[state])),
        );
    }
    found
}

/// Lines of state tables that change something and that no run takes.
pub(super) fn untaken(exploration: &Exploration<'_, '_>) -> Vec<Place> {
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

/// An event that no service publishes is reported by itself.
fn is_fed(model: &Model<'_>, input: Input) -> bool {
    let Input::Event(event) = input else { return true };
    model.services.iter().any(|part| part.service.publishes(model.events[event]))
}

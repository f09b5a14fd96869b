//! How sagas end, and the shortest way there: found by going through all orders of events.

use std::collections::BTreeMap;

use crate::{
    check::LIMIT,
    description::Description,
    explore::{Exploration, Options, State, Taken, explore},
    model::{self, Effect, Input, Model},
};

/// Each way in which sagas end: the services' states, and the events of the shortest run there. Who only listens is left out.
pub(super) fn ends(services: &[&Description]) -> String {
    let mut text = String::new();
    for group in model::components(services) {
        let model = model::of(&group);
        if model.services.is_empty() {
            continue;
        }
        let heard: Vec<usize> =
            (0..model.services.len()).filter(|of| !model.services[*of].service.publishes.is_empty()).collect();
        let names: Vec<&str> = heard.iter().map(|of| model.services[*of].service.name.as_str()).collect();
        text.push_str(&format!("| {} | the shortest way |\n{}|---|\n", names.join(" | "), "|---".repeat(names.len())));
        let exploration = explore(&model, Options::default(), LIMIT);
        let mut known = Vec::new();
        for (number, state) in exploration.rests() {
            let ends: Vec<&str> = heard.iter().map(|of| model.services[*of].states[state.at(*of)]).collect();
            if known.contains(&ends) || !is_begun(state) {
                continue;
            }
            text.push_str(&format!("| {} | {} |\n", ends.join(" | "), path(&exploration, number)));
            known.push(ends);
        }
        text.push('\n');
    }
    text
}

/// The shortest run to an end in which this event is published, as a sequence diagram; `None` if there is none.
pub(super) fn sequence(services: &[&Description], event: &str) -> Option<String> {
    model::components(services).into_iter().find_map(|group| {
        let model = model::of(&group);
        let event = model.event(event)?;
        let exploration = explore(&model, Options::default(), LIMIT);
        let (end, _) = exploration.rests().find(|(_, state)| state.is_published(event))?;
        Some(drawn(&model, &exploration.taken_to(end)))
    })
}

fn is_begun(state: &State) -> bool {
    state.published.iter().any(|times| *times > 0)
}

fn path(exploration: &Exploration<'_, '_>, end: usize) -> String {
    let taken = exploration.taken_to(end);
    let published = taken.iter().flat_map(|taken| &taken.arm.effects).filter_map(|effect| match effect {
        Effect::Publish(event) => Some(format!("`{}`", exploration.model.events[*event])),
        _ => None,
    });
    published.collect::<Vec<_>>().join(" → ")
}

fn drawn(model: &Model<'_>, taken: &[Taken]) -> String {
    let mut writers: BTreeMap<usize, usize> = BTreeMap::new();
    let mut steps = String::new();
    for Taken { service, input, arm } in taken {
        let to = model.services[*service].states[arm.to];
        let word = model.word(*input);
        steps.push_str(&match input {
            Input::Event(event) => {
                let writer = writers.get(event).copied().unwrap_or(*service);
                format!("    s{writer}->>s{service}: {word} → {to}\n")
            }
            Input::Command(_) => format!("    clients->>s{service}: {word} → {to}\n"),
            Input::Deadline(_) => format!("    Note over s{service}: {word} → {to}\n"),
            Input::Answer(..) => format!("    outside-->>s{service}: {word} → {to}\n"),
        });
        for effect in &arm.effects {
            match effect {
                Effect::Publish(event) => drop(writers.insert(*event, *service)),
                Effect::Call(call) => {
                    steps.push_str(&format!("    s{service}->>outside: call {}\n", model.calls[*call].name));
                }
                Effect::Deadline(_) | Effect::Settle(_) | Effect::Refuse => {}
            }
        }
    }
    let mut diagram = String::from("sequenceDiagram\n    actor clients\n");
    for (index, participant) in model.services.iter().enumerate() {
        let takes_part = taken.iter().any(|taken| taken.service == index);
        if takes_part {
            diagram.push_str(&format!("    participant s{index} as {}\n", participant.service.name));
        }
    }
    if steps.contains("outside") {
        diagram.push_str("    participant outside\n");
    }
    diagram + &steps
}

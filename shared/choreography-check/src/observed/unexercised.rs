//! Declared and never exercised. What follows from something that is reported already is not reported, too.

use std::collections::BTreeSet;

use super::{declared::Declared, observations::Observations, trace::Deed};
use crate::{
    description::Description,
    kind::Kind,
    reactions::{self, Effect, Input},
    report::{Finding, Place},
};

type Check = fn(Declared<'_>, &Observations) -> Vec<Finding>;

/// All of it, as far as what was read can tell.
pub(super) fn findings(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let checks: [Check; 6] = [events, versions, caused, handled, deadlines, reacted];
    checks.iter().flat_map(|check| check(declared, seen)).collect()
}

fn finding(kind: Kind, service: &Description, at: String, what: String) -> Finding {
    Finding::new(kind, Place::new(service.name.clone(), at), what, Vec::new())
}

/// The types that were seen on a topic.
fn seen_events(seen: &Observations) -> BTreeSet<&str> {
    seen.published.keys().map(|of| of.event.as_str()).collect()
}

/// Each publisher with an event whose topic was read.
fn publications<'a>(declared: Declared<'a>, seen: &Observations) -> Vec<(&'a Description, &'a str)> {
    let is_read = |service: &Description, event: &str| {
        service.events.get(event).is_some_and(|contract| seen.topics.contains(&contract.topic))
    };
    let of = |service: &'a Description| service.publishes.iter().map(move |event| (service, event.as_str()));
    declared.services().flat_map(of).filter(|(service, event)| is_read(service, event)).collect()
}

fn events(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let (came, mut found) = (seen_events(seen), Vec::new());
    for (service, event) in publications(declared, seen) {
        if came.contains(event) {
            continue;
        }
        found.push(match declared.undoes(event) {
            Some(step) => finding(
                Kind::UnseenCompensation,
                service,
                event.to_owned(),
                format!("it says that {step} is undone, and never came"),
            ),
            None => finding(Kind::UnseenEvent, service, event.to_owned(), "it never came".to_owned()),
        });
    }
    found
}

/// Versions that a reader accepts, of events that came.
fn versions(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let (came, mut found) = (seen_events(seen), Vec::new());
    for reader in declared.services() {
        let handled = reader.events.iter().filter(|(event, _)| reader.handles(event) && came.contains(event.as_str()));
        for (event, contract) in handled {
            let versions = contract
                .accepts
                .iter()
                .filter(|version| !seen.published.keys().any(|of| of.event == *event && of.version == **version));
            found.extend(versions.map(|version| {
                let at = format!("{event} version {version}");
                finding(Kind::UnseenVersion, reader, at, "it can read that version, and no such event came".to_owned())
            }));
        }
    }
    found
}

/// What leads to what by way of topics, of events that both came.
fn caused(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let (came, mut found) = (seen_events(seen), Vec::new());
    for (service, event) in publications(declared, seen).into_iter().filter(|(_, event)| came.contains(event)) {
        let Some(table) = &service.state_table else { continue };
        for (cause, _) in reactions::causes(table).into_iter().filter(|(_, caused)| *caused == event) {
            let was_seen = seen
                .caused
                .keys()
                .any(|of| of.source == service.name && of.event == event && of.cause.as_deref() == cause);
            if was_seen || cause.is_some_and(|cause| !came.contains(cause)) {
                continue;
            }
            let cause = cause.unwrap_or("a command or a deadline");
            let what = format!("{event} came, and never because of {cause}");
            found.push(finding(Kind::UnseenReaction, service, format!("{cause} → {event}"), what));
        }
    }
    found
}

/// Services whose traces were read.
fn traced<'a>(declared: Declared<'a>, seen: &Observations) -> Vec<&'a Description> {
    declared.services().filter(|service| seen.traced.contains(&service.name)).collect()
}

fn takes_in(seen: &Observations, service: &Description, event: &str) -> bool {
    let is_it = |name: &str| name == service.name || name == service.group();
    seen.deeds.keys().any(|(name, deed)| {
        is_it(name) && matches!(deed, Deed::Handled { event: Some(handled), .. } if handled == event)
    })
}

/// Of events that came, where topics were read.
fn handled(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let (came, mut found) = (seen_events(seen), Vec::new());
    for service in traced(declared, seen) {
        let handles = service.handles.iter().filter(|event| seen.topics.is_empty() || came.contains(event.as_str()));
        for event in handles.filter(|event| !takes_in(seen, service, event)) {
            let what = "no trace shows that it took the event in".to_owned();
            found.push(finding(Kind::UnseenHandling, service, event.clone(), what));
        }
    }
    found
}

/// Whether traces show that an input came to a service.
fn came(seen: &Observations, service: &Description, input: Input<'_>) -> bool {
    if let Input::Event(event) = input {
        return takes_in(seen, service, event);
    }
    let written = input.to_string();
    seen.deeds
        .keys()
        .any(|(name, deed)| *name == service.name && matches!(deed, Deed::Reacted { on, .. } if *on == written))
}

fn deadlines(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in traced(declared, seen) {
        for deadline in service.deadlines.iter().filter(|name| !came(seen, service, Input::Deadline(name))) {
            let what = "no trace shows that it passed while its saga was open".to_owned();
            found.push(finding(Kind::UnseenDeadline, service, format!("deadline {deadline}"), what));
        }
    }
    found
}

/// What traces never showed that a service does because of an input that came.
fn reacted(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let (events, mut found) = (seen_events(seen), Vec::new());
    // That the event never came says it.
    let is_told = |effect: Effect<'_>| matches!(effect, Effect::Publish(event) if !seen.topics.is_empty() && !events.contains(event));
    for service in traced(declared, seen) {
        let Some(table) = &service.state_table else { continue };
        for ((input, effect), states) in reactions::steps(table) {
            let written = match effect {
                Effect::Nothing => None,
                effect => Some(effect.to_string()),
            };
            let step = Deed::Reacted { on: input.to_string(), effect: written };
            let was_seen = seen.deeds.keys().any(|(name, deed)| *name == service.name && *deed == step);
            if was_seen || is_told(effect) || !came(seen, service, input) {
                continue;
            }
            let states: Vec<&str> = states.into_iter().collect();
            let states = states.join(", ");
            let what = match effect {
                Effect::Nothing => {
                    format!("{input} came, and no trace shows that nothing followed, as it does in {states}")
                }
                effect => format!("{input} came, and no trace shows that it led to {effect}, as it does in {states}"),
            };
            found.push(finding(Kind::UnseenReaction, service, format!("{input} → {effect}"), what));
        }
    }
    found
}

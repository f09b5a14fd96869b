//! Seen and not declared.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    declared::Declared,
    observations::{Field, Observations, Published},
    trace::Deed,
};
use crate::{
    field::{FieldType, JsonType},
    kind::Kind,
    reactions::{self, Effect, Input},
    report::{Finding, Place},
};

type Check = fn(Declared<'_>, &Observations) -> Vec<Finding>;

/// All of it.
pub(super) fn findings(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let checks: [Check; 7] = [published, fields, caused, reacted, handled, invalid, given_up];
    checks.iter().flat_map(|check| check(declared, seen)).collect()
}

fn finding(kind: Kind, service: &str, at: String, what: String) -> Finding {
    Finding::new(kind, Place::new(service, at), what, Vec::new())
}

/// Events of the wrong type, version, topic or writer. The first that is wrong counts.
fn published(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let mut found = Vec::new();
    for (of, times) in seen.published.iter() {
        let Published { event, version, topic, source } = of;
        let by = source.as_ref().map(|source| format!(" by {source}")).unwrap_or_default();
        let contracts = declared.contracts(event);
        let Some(own) = contracts.first() else {
            let what = format!("it was {times}{by}, and no service declares to publish it");
            found.push(finding(Kind::UndeclaredEvent, declared.owner(topic), event.clone(), what));
            continue;
        };
        if !contracts.iter().any(|contract| contract.topic == *topic) {
            let at = format!("{event} on {topic}");
            let what = format!("it was {times}{by}, and its topic is {}", own.topic);
            found.push(finding(Kind::UndeclaredTopic, &own.owner, at, what));
            continue;
        }
        let writer = source.as_deref().filter(|source| !declared.publishers(event).any(|of| of.name == *source));
        if let Some(writer) = writer {
            let publishers: Vec<&str> = declared.publishers(event).map(|of| of.name.as_str()).collect();
            let what = format!("{writer} published it: it was {times}. It is {}'s", publishers.join("'s and "));
            found.push(finding(Kind::UndeclaredPublisher, writer, event.clone(), what));
        }
        if !declared.knows_version(event, *version) {
            let at = format!("{event} version {version}");
            let what = format!("it was {times}{by}, and its publisher declares version {}", own.version);
            found.push(finding(Kind::UndeclaredVersion, &own.owner, at, what));
        }
    }
    found
}

/// Fields of payloads, of the version that the publisher describes.
fn fields(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let mut found = Vec::new();
    for (of, times) in seen.fields.iter() {
        let Field { event, version, path, of } = of;
        let contract = declared.contracts(event).into_iter().find(|contract| contract.version == *version);
        let Some((contract, known)) = contract.and_then(|contract| Some((contract, contract.fields.as_ref()?))) else {
            continue;
        };
        let what = match known.get(path) {
            Some(said) if is_written_as(*of, said.of) => continue,
            Some(said) => format!("{path} is {of}, and its publisher declares {said}: it was {times}"),
            None if is_open(known, path) => continue,
            None => format!("{path} ({of}) is not among its publisher's fields: it was {times}"),
        };
        found.push(finding(Kind::UndeclaredField, &contract.owner, format!("{event} {path}"), what));
    }
    found
}

/// A number without fraction is a number, too.
fn is_written_as(seen: JsonType, said: JsonType) -> bool {
    seen == said || (seen, said) == (JsonType::Integer, JsonType::Number)
}

/// Nothing below the field above it is described; or that field is unknown itself, and told of already; or it lies between two
/// that are described.
fn is_open(known: &BTreeMap<String, FieldType>, path: &str) -> bool {
    let below =
        |parent: &str| known.keys().any(|of| of.strip_prefix(parent).is_some_and(|rest| rest.starts_with(['.', '['])));
    let above = path.strip_suffix("[]").or_else(|| Some(path.rsplit_once('.')?.0.trim_end_matches("[]")));
    below(path) || above.is_some_and(|above| !known.contains_key(above) || !below(above))
}

/// Events that followed from another than the publisher's state table says.
fn caused(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let mut found = Vec::new();
    for (of, times) in seen.caused.iter() {
        let Some(service) = declared.service(&of.source).filter(|service| service.publishes(&of.event)) else {
            continue;
        };
        let Some(table) = &service.state_table else { continue };
        if !reactions::causes(table).contains(&(of.cause.as_deref(), of.event.as_str())) {
            let cause = of.cause.as_deref().unwrap_or("a command or a deadline");
            let what = format!("{cause} led to {}: it was {times}", of.event);
            found.push(finding(Kind::UndeclaredReaction, &service.name, format!("{cause} → {}", of.event), what));
        }
    }
    found
}

/// What traces show that a service did because of an input, and its state table does not say.
fn reacted(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let mut found = Vec::new();
    for ((name, deed), times) in seen.deeds.iter() {
        let Deed::Reacted { on, effect: Some(effect) } = deed else { continue };
        let Some(service) = declared.service(name) else { continue };
        let Some(table) = &service.state_table else { continue };
        let steps = reactions::steps(table);
        let says = |(input, step): &(Input<'_>, Effect<'_>)| input.to_string() == *on && step.to_string() == *effect;
        if !steps.keys().any(says) {
            let what = format!("{on} led to {effect}: it was {times}");
            found.push(finding(Kind::UndeclaredReaction, &service.name, format!("{on} → {effect}"), what));
        }
    }
    found
}

/// Services that handle an event which they do not declare; of the choreography's topics.
fn handled(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let (topics, mut found) = (declared.topics(), BTreeSet::new());
    for ((name, deed), times) in seen.deeds.iter() {
        let Deed::Handled { topic, event } = deed else { continue };
        if !topics.contains(topic.as_str()) {
            continue;
        }
        let service = declared.service(name);
        let reads = service.is_some_and(|of| of.reads.contains(topic));
        let knows = event.as_ref().is_none_or(|event| service.is_some_and(|of| of.handles(event)));
        if reads && knows {
            continue;
        }
        let at = event.clone().unwrap_or_else(|| topic.clone());
        let what = match service {
            None => format!("it takes in what comes on {topic}, and is not described: it was {times}"),
            Some(_) if !reads => {
                format!("it takes in what comes on {topic}, which it does not declare to read: it was {times}")
            }
            Some(_) => format!("it takes it in, and does not declare to handle it: it was {times}"),
        };
        found.insert((service.map_or(name.as_str(), |of| of.name.as_str()), at, what));
    }
    let each = found.into_iter();
    each.map(|(service, at, what)| finding(Kind::UndeclaredHandling, service, at, what)).collect()
}

fn invalid(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let each = seen.invalid.iter().map(|((topic, problem), times)| {
        let what = format!("{problem}: it was {times}");
        finding(Kind::InvalidMessage, declared.owner(topic), topic.clone(), what)
    });
    each.collect()
}

fn given_up(declared: Declared<'_>, seen: &Observations) -> Vec<Finding> {
    let each = seen.given_up.iter().map(|(of, times)| {
        let service = declared.service(&of.group).map_or(of.group.as_str(), |service| service.name.as_str());
        let event = of.event.as_deref().unwrap_or("a message");
        let what = format!("it gave up {event} from {} ({}): it was {times}", of.topic, of.class);
        finding(Kind::DeadLetter, service, format!("{event} from {}, {}", of.topic, of.class), what)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_open_where_nothing_below_the_one_above_it_is_described() {
        let known = r#"{"id": "string", "items": "list", "items[].sku": "string", "note": "object", "tags": "list",
                        "address": "object?", "address.city": "string"}"#;
        let known = serde_json::from_str(known).unwrap();
        for path in ["note.any", "note.any.deeper", "tags[]", "tags[].x", "items[]", "other.x"] {
            assert!(is_open(&known, path), "{path}");
        }
        for path in ["other", "identity", "items[].colour", "address.zip"] {
            assert!(!is_open(&known, path), "{path}");
        }
    }
}

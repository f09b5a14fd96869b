//! The check as a whole.

use crate::{
    description::Description,
    kind::Kind,
    model,
    pairs::{self, Publications},
    read::Choreography,
    report::{Finding, Place, Report},
    verdict,
};

/// How many states are explored of one component, unless another number is given.
pub const LIMIT: usize = 300_000;

/// Checks all descriptions together. `limit`: how many states to explore at most, of each group of services whose events
/// meet.
pub fn check(choreography: &Choreography, limit: usize) -> Report {
    let described: Vec<&Description> = choreography.services.iter().map(|described| &described.service).collect();
    let (mut report, mut publications) = (Report::default(), Publications::new());
    for group in model::components(&described) {
        if let Some(missing) = missing_table(&group) {
            let names: Vec<&str> = group.iter().map(|service| service.name.as_str()).collect();
            let group = names.join(", ");
            report.notes.push(format!("no order of events of {group} was tried: {missing} has no state_table"));
            continue;
        }
        let model = model::of(&group);
        if model.services.is_empty() {
            continue;
        }
        if model.pivots.is_empty() {
            report.join(without_pivot(&group));
        }
        let verdict = verdict::of(&model, limit);
        report.join(verdict.report);
        publications.extend(verdict.publications);
    }
    let explored = std::mem::take(&mut report.findings);
    report.findings = pairs::findings(choreography, &publications);
    for finding in explored {
        // Of the same thing, the finding that shows an order of events.
        report.findings.retain(|known| known.kind != finding.kind || known.place != finding.place);
        report.findings.push(finding);
    }
    // What is never taken follows from whatever else is wrong.
    if report.findings.iter().any(|finding| finding.kind != Kind::UnreachableTransition) {
        report.findings.retain(|finding| finding.kind != Kind::UnreachableTransition);
    }
    for finding in &mut report.findings {
        let file = choreography.services.iter().find(|of| of.service.name == finding.place.service);
        finding.file = file.map(|of| of.file.clone()).unwrap_or_default();
    }
    report.findings.sort_by(|one, other| (one.kind, &one.place).cmp(&(other.kind, &other.place)));
    report.notes.extend(uncompared(choreography));
    report
}

/// Without a pivot it is not known which steps have to be undone. Where some are declared, that is a mistake.
fn without_pivot(group: &[&Description]) -> Report {
    let mut report = Report::default();
    let undoes = group.iter().filter(|service| !service.compensations.is_empty());
    report.findings.extend(undoes.map(|service| {
        let what = "steps are undone before the pivot, and no service has one".to_owned();
        Finding::new(Kind::NotExplored, Place::new(service.name.clone(), "compensations"), what, Vec::new())
    }));
    if report.is_clean() {
        let names: Vec<&str> = group.iter().map(|service| service.name.as_str()).collect();
        report.notes.push(format!("compensations of {} were not checked: no service has a pivot", names.join(", ")));
    }
    report
}

/// A service whose events others wait for, and of which nothing more is known.
fn missing_table<'a>(group: &[&'a Description]) -> Option<&'a str> {
    let heard = |service: &&&Description| {
        service.publishes.iter().any(|event| group.iter().any(|reader| reader.handles(event)))
    };
    let without = group.iter().filter(|service| service.state_table.is_none());
    without.filter(|service| heard(service)).map(|service| service.name.as_str()).next()
}

/// Events whose fields were not compared, since the writer or a reader does not say them.
fn uncompared(choreography: &Choreography) -> Option<String> {
    let services = || choreography.services.iter().map(|described| &described.service);
    let says = |service: &Description, event: &str| service.events.get(event).is_some_and(|of| of.fields.is_some());
    let mut unsaid: Vec<String> = Vec::new();
    for writer in services() {
        for event in &writer.publishes {
            let readers = services().filter(|reader| reader.handles(event));
            let silent = readers.filter(|reader| !(says(writer, event) && says(reader, event)));
            unsaid.extend(silent.map(|reader| format!("{event} at {}", reader.name)));
        }
    }
    (!unsaid.is_empty()).then(|| format!("fields were not compared, since `fields` is missing: {}", unsaid.join(", ")))
}

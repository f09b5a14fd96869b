//! Which versions there are: what each needs, who accepts it, and how long it has to stay.

use super::{
    Moment,
    kind::{Direction, Kind},
    readers,
    record::{EventRecord, Published, ReaderRecord},
    report::{Finding, Report},
};
use crate::{Catalog, EventVersion, validity};

/// Adds to the report what is wrong with the versions.
pub(super) fn check(published: &Published, catalog: &Catalog, moment: &Moment, report: &mut Report) {
    files(catalog, report);
    let now = readers::of(catalog);
    for record in &published.record.events {
        past(record, &now, catalog, moment, report);
    }
    for service in catalog.services() {
        for event in Catalog::published(service) {
            let deaf =
                published.record.readers.iter().filter(|reader| reader.event == event.event && !reader.reads(&event));
            report.findings.extend(deaf.map(|reader| unknown(reader, &event, Direction::NewEventOldReader)));
        }
    }
}

fn finding(event: &EventVersion, kind: Kind, what: String) -> Finding {
    Finding {
        event: event.event.clone(),
        version: event.version,
        kind,
        breaks: None,
        direction: None,
        field: String::new(),
        what,
        fix: kind.fix(None),
    }
}

/// A version that is written has a schema, and each schema has a golden payload.
fn files(catalog: &Catalog, report: &mut Report) {
    for service in catalog.services() {
        let without = Catalog::published(service).into_iter().filter(|event| !catalog.schemas.contains_key(event));
        report.findings.extend(without.map(|event| {
            let what = format!("{} publishes it, and there is no {}", service.name, event.file_name());
            finding(&event, Kind::SchemaMissing, what)
        }));
    }
    for (event, schema) in &catalog.schemas {
        let problem = match catalog.golden.get(event) {
            None => Some(format!("there is no golden {}", event.file_name())),
            Some(golden) => validity::problem(schema, golden)
                .map(|problem| format!("the schema refuses the golden payload: {problem}")),
        };
        report.findings.extend(problem.map(|problem| finding(event, Kind::GoldenMissing, problem)));
    }
}

/// A version that was published stays, and is accepted, as long as an event of it can come.
fn past(record: &EventRecord, now: &[ReaderRecord], catalog: &Catalog, moment: &Moment, report: &mut Report) {
    let event = EventVersion::new(&record.event, record.version);
    let is_there = catalog.schemas.contains_key(&event);
    if record.last_written.is_some_and(|day| !moment.may_come(day)) {
        if !is_there {
            report.notes.push(format!("{event} is gone, and no event of it can come"));
        }
        return;
    }
    let of_type = now.iter().filter(|reader| reader.event == event.event);
    let deaf = of_type.clone().filter(|reader| !reader.reads(&event));
    report.findings.extend(deaf.map(|reader| unknown(reader, &event, Direction::OldEventNewReader)));
    if is_there {
        return;
    }
    let what = match record.last_written {
        None => format!("it was written when it was last published, and {} is gone", event.file_name()),
        Some(day) => format!(
            "it was last written before {day}, an event of it can come until {}, and {} is gone",
            moment.gone(day).pred_opt().unwrap_or(day),
            event.file_name()
        ),
    };
    let removed = finding(&event, Kind::VersionRemoved, what);
    let readers: Vec<Finding> =
        of_type.map(|reader| Finding { breaks: Some(reader.service.clone()), ..removed.clone() }).collect();
    report.findings.extend(if readers.is_empty() { vec![removed] } else { readers });
}

fn unknown(reader: &ReaderRecord, event: &EventVersion, direction: Direction) -> Finding {
    let accepts: Vec<String> = reader.accepts.iter().map(u32::to_string).collect();
    let what = format!("{} accepts {}, and would dead-letter it", reader.service, accepts.join(", "));
    Finding {
        breaks: Some(reader.service.clone()),
        direction: Some(direction),
        fix: Kind::VersionUnknown.fix(Some(direction)),
        ..finding(event, Kind::VersionUnknown, what)
    }
}

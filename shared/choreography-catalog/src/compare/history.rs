//! One version of an event: its schema of this build against those that were published.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::Value;

use super::{
    Moment,
    judgement::breaks,
    kind::Direction,
    readers,
    record::{EventRecord, Published, ReaderRecord},
    report::{Finding, Report},
    structure::Difference,
};
use crate::{Catalog, EventVersion, resolved::resolved};

/// The reader of an event that no described service reads: it is published, so an unknown service may read it.
const ANYONE: &str = "whoever reads it";

/// A version that is published and that this build has.
pub(super) struct Comparison<'a> {
    pub(super) event: &'a EventVersion,
    pub(super) record: &'a EventRecord,
    pub(super) schema: &'a Value,
    pub(super) published: &'a Published,
    pub(super) catalog: &'a Catalog,
    pub(super) moment: &'a Moment,
}

impl Comparison<'_> {
    pub(super) fn check(&self, report: &mut Report) {
        let before = report.findings.len();
        let now = self.readers(readers::of(self.catalog));
        for written in self.that_may_come() {
            for reader in &now {
                let differences = breaks(resolved(written), reader.view(self.event, self.schema));
                self.tell(report, reader, Direction::OldEventNewReader, differences);
            }
        }
        let Some(last) = self.record.revisions.last().and_then(|last| self.published.schema(last)) else { return };
        for reader in &self.readers(self.published.record.readers.clone()) {
            let differences = breaks(resolved(self.schema), reader.view(self.event, last));
            self.tell(report, reader, Direction::NewEventOldReader, differences);
        }
        if report.findings.len() == before {
            self.note(last, report);
        }
    }

    /// The schemas by which events were written that may still come, besides that of now.
    fn that_may_come(&self) -> Vec<&Value> {
        let revisions = &self.record.revisions;
        let until = |index: usize| -> Option<NaiveDate> {
            revisions.get(index + 1).map_or(self.record.last_written, |next| Some(next.since))
        };
        let may_come = |index: &usize| until(*index).is_none_or(|day| self.moment.may_come(day));
        let alive = (0..revisions.len()).filter(may_come);
        alive.filter_map(|index| self.published.schema(&revisions[index])).collect()
    }

    /// Those among the readers who read the event; anyone, if none is known.
    fn readers(&self, all: Vec<ReaderRecord>) -> Vec<ReaderRecord> {
        let mut readers: Vec<ReaderRecord> = all.into_iter().filter(|reader| reader.reads(self.event)).collect();
        if readers.is_empty() {
            readers.push(ReaderRecord {
                service: ANYONE.into(),
                event: self.event.event.clone(),
                version: self.event.version,
                accepts: vec![self.event.version],
                fields: None,
            });
        }
        readers
    }

    fn tell(&self, report: &mut Report, reader: &ReaderRecord, direction: Direction, differences: Vec<Difference>) {
        report.findings.extend(differences.into_iter().map(|difference| Finding {
            event: self.event.event.clone(),
            version: self.event.version,
            kind: difference.kind,
            breaks: Some(reader.service.clone()),
            direction: Some(direction),
            field: difference.field,
            what: difference.what,
            fix: difference.kind.fix(Some(direction)),
        }));
    }

    /// What changed that would break a service that reads all.
    fn note(&self, last: &Value, report: &mut Report) {
        let (old, new) = (resolved(last), resolved(self.schema));
        let changed = breaks(old.clone(), new.clone()).into_iter().chain(breaks(new, old));
        let fields: BTreeSet<String> = changed.map(|difference| difference.field).collect();
        report.notes.extend(fields.into_iter().map(|field| {
            let place = if field.is_empty() { "the payload".to_owned() } else { field };
            format!("{place} of {} changed, and none of its readers reads it", self.event)
        }));
    }
}

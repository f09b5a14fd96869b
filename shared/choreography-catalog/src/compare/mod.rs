//! What a change of the schemas breaks, and for which service: both for the events that are on the topics and the readers of this
//! build, and for the events of this build and the readers that run now.

mod canonical;
mod history;
mod judgement;
mod kind;
mod projection;
mod publication;
mod readers;
mod record;
mod report;
mod structure;
mod versions;

pub use kind::{Direction, Kind};
pub use publication::{Publication, publication};
pub use record::{EventRecord, Published, RECORD, ReaderRecord, Record, Revision};
pub use report::{Finding, Report};

use chrono::{Days, NaiveDate};

use crate::{Catalog, EventVersion};
use history::Comparison;

/// When the comparison is made, and how long an event can still come after it was written.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The day.
    pub today: NaiveDate,
    /// For how many days an event can be on a topic, held, or among dead letters: the services' `EVENT_HORIZON`.
    pub retention_days: u32,
}

impl Moment {
    /// The first day on which what was last written on `day` can come no more.
    pub(crate) fn gone(&self, day: NaiveDate) -> NaiveDate {
        day.checked_add_days(Days::new(u64::from(self.retention_days) + 1)).unwrap_or(NaiveDate::MAX)
    }

    /// Whether what was last written on `day` can still come.
    pub(crate) fn may_come(&self, day: NaiveDate) -> bool {
        self.today < self.gone(day)
    }
}

/// Holds the catalogue against what is published.
pub fn compare(published: &Published, catalog: &Catalog, moment: &Moment) -> Report {
    let mut report = Report::default();
    versions::check(published, catalog, moment, &mut report);
    for record in &published.record.events {
        let event = EventVersion::new(&record.event, record.version);
        if let Some(schema) = catalog.schemas.get(&event) {
            Comparison { event: &event, record, schema, published, catalog, moment }.check(&mut report);
        }
    }
    report.compared = published.record.events.len();
    report.sort();
    report
}

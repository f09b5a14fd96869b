//! Publishes the present schemas: later changes are held against them.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{
    readers,
    record::{EventRecord, Published, RECORD, Record, Revision},
};
use crate::{Catalog, EventVersion, Files};

/// What goes into the folder of what is published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The record as it is now.
    pub record: Record,
    /// The record's file, and each schema that is new. What else is in the folder stays.
    pub files: Files,
}

/// Publishes a catalogue that breaks nothing. Twice the same on any days gives the same.
pub fn publication(published: &Published, catalog: &Catalog, today: NaiveDate) -> Publication {
    let written: BTreeSet<EventVersion> = catalog.services().into_iter().flat_map(Catalog::published).collect();
    let (mut events, mut files) = (Vec::new(), Files::new());
    for (event, schema) in &catalog.schemas {
        let known = published.record.events.iter().find(|of| of.event == event.event && of.version == event.version);
        let mut record = known.cloned().unwrap_or_else(|| EventRecord {
            event: event.event.clone(),
            version: event.version,
            last_written: None,
            revisions: Vec::new(),
        });
        let last = record.revisions.last().and_then(|last| published.schema(last));
        if last != Some(schema) {
            let file = format!("{}.r{}.json", event.key(), record.revisions.len() + 1);
            files.insert(file.clone(), format!("{schema:#}\n"));
            record.revisions.push(Revision { since: today, schema: file });
        }
        record.last_written = if written.contains(event) { None } else { record.last_written.or(Some(today)) };
        events.push(record);
    }
    let record = Record { events, readers: readers::of(catalog) };
    // What is derived from names, dates and words can be written as JSON.
    let text = serde_json::to_string_pretty(&record).expect("a record serialises");
    files.insert(RECORD.into(), format!("{text}\n"));
    Publication { record, files }
}

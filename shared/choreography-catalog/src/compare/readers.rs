//! The readers of an event, and the fields that each reads.

use choreography_check::Description;
use serde_json::Value;

use super::{projection::projection, record::ReaderRecord};
use crate::{Catalog, EventVersion, resolved::resolved};

/// What a catalogue's services read, as it goes into the record.
pub(super) fn of(catalog: &Catalog) -> Vec<ReaderRecord> {
    let mut readers: Vec<ReaderRecord> = catalog.services().into_iter().flat_map(of_service).collect();
    readers.sort_by(|one, other| (&one.event, &one.service).cmp(&(&other.event, &other.service)));
    readers
}

fn of_service(service: &Description) -> Vec<ReaderRecord> {
    let handled = service.handles.iter().filter_map(|event| Some((event, service.events.get(event)?)));
    let reader = handled.map(|(event, contract)| ReaderRecord {
        service: service.name.clone(),
        event: event.clone(),
        version: contract.version,
        accepts: if contract.accepts.is_empty() { vec![contract.version] } else { contract.accepts.clone() },
        fields: contract.fields.clone(),
    });
    reader.collect()
}

impl ReaderRecord {
    /// Whether it reads events of this version.
    pub(super) fn reads(&self, event: &EventVersion) -> bool {
        self.event == event.event && self.accepts.contains(&event.version)
    }

    /// What of an event's schema it holds an event against. Its fields are those of the version that it knows best: of any
    /// other version, which it converts, it may read all.
    pub(super) fn view(&self, event: &EventVersion, schema: &Value) -> Result<Value, String> {
        let whole = resolved(schema)?;
        Ok(match self.fields.as_ref().filter(|_| self.version == event.version) {
            Some(fields) => projection(&whole, fields),
            None => whole,
        })
    }
}

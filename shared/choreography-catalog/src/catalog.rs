//! The three folders that everything here is made from.

use std::path::{Path, PathBuf};

use choreography_check::{Choreography, Description};
use serde_json::Value;

use crate::{
    CatalogError, EventVersion,
    payloads::{self, Payloads},
};

/// Descriptions, schemas and golden payloads.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// What each service says of itself.
    pub choreography: Choreography,
    /// The JSON Schema of each event's payload.
    pub schemas: Payloads,
    /// One payload of each event.
    pub golden: Payloads,
}

impl Catalog {
    /// Reads the folders.
    ///
    /// # Errors
    /// A folder or a file can't be read, or does not have its format. It is named.
    pub fn read(choreography: &Path, schemas: &Path, golden: &Path) -> Result<Self, CatalogError> {
        Ok(Self {
            choreography: Choreography::read(&[PathBuf::from(choreography)])?,
            schemas: payloads::read(schemas)?,
            golden: payloads::read(golden)?,
        })
    }

    /// The services, by their names.
    pub fn services(&self) -> Vec<&Description> {
        let mut services: Vec<_> = self.choreography.services.iter().map(|described| &described.service).collect();
        services.sort_by(|one, other| one.name.cmp(&other.name));
        services
    }

    /// The schema of an event that a service publishes or handles.
    pub(crate) fn schema(&self, event: &EventVersion, service: &str) -> Result<&Value, CatalogError> {
        let missing = || CatalogError::NoSchema { event: event.clone(), service: service.to_owned() };
        self.schemas.get(event).ok_or_else(missing)
    }

    /// What a service publishes.
    pub(crate) fn published(service: &Description) -> Vec<EventVersion> {
        let known = |event: &String| Some(EventVersion::new(event, service.events.get(event)?.version));
        service.publishes.iter().filter_map(known).collect()
    }

    /// What a service handles, in each version that it can read and that there is. A version that comes later has no schema yet;
    /// the one that the service knows best is always among them.
    pub(crate) fn handled(&self, service: &Description) -> Vec<EventVersion> {
        let mut handled = Vec::new();
        for (event, contract) in service.handles.iter().filter_map(|event| Some((event, service.events.get(event)?))) {
            let versions = contract.accepts.iter().copied().chain([contract.version]);
            let mut versions: Vec<u32> = versions
                .filter(|version| {
                    *version == contract.version || self.schemas.contains_key(&EventVersion::new(event, *version))
                })
                .collect();
            versions.sort_unstable();
            versions.dedup();
            handled.extend(versions.into_iter().map(|version| EventVersion::new(event, version)));
        }
        handled
    }
}

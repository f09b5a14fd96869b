//! Why nothing can be made of the folders.

use std::{io, path::PathBuf};

use choreography_check::ReadError;

use crate::EventVersion;

/// Why nothing can be made of the folders.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The descriptions can't be read, or do not have their format.
    #[error(transparent)]
    Choreography(#[from] ReadError),
    /// A folder or a file can't be read.
    #[error("{}: {source}: {advice}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to name instead.
        advice: &'static str,
    },
    /// A file is not what it has to be.
    #[error("{}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// An event has no schema.
    #[error("{event} has no schema, and {service} publishes or handles it: put {} into the folder of schemas", event.file_name())]
    NoSchema {
        /// The event.
        event: EventVersion,
        /// The service that publishes or handles it.
        service: String,
    },
    /// An event has no golden payload.
    #[error("{event} has no golden payload, and {service} handles it: put {} into the folder of golden payloads", event.file_name())]
    NoGolden {
        /// The event.
        event: EventVersion,
        /// The service that handles it.
        service: String,
    },
    /// A schema says something that no document can be made of.
    #[error("the schema of {event} can't be used: {problem}")]
    Schema {
        /// The event.
        event: EventVersion,
        /// What is wrong.
        problem: String,
    },
    /// A file can't be written.
    #[error("{}: {source}: name a folder that can be written", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

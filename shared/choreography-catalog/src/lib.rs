//! What follows from a choreography's descriptions, its payloads' schemas and golden payloads: documents for people and tools
//! (AsyncAPI, EventCatalog), consumer contracts (Pact), what a change of a schema breaks, and for which service, and what a schema
//! registry is to have.
//!
//! It knows no service and no engine: all of it is data, of any team and language. `README.md` explains the commands.

pub mod asyncapi;
pub mod compare;
pub mod eventcatalog;
pub mod pact;
pub mod registry;

mod catalog;
mod envelope;
mod error;
mod event_version;
mod files;
mod payloads;
mod resolved;
mod validity;

pub use catalog::Catalog;
pub use error::CatalogError;
pub use event_version::EventVersion;
pub use files::{Files, differences, write};
pub use payloads::Payloads;

//! Publishes what was published to a schema registry that speaks Confluent's API: one subject for each type of events, one of its
//! versions for each schema. What is there already is left alone.
//!
//! What is to be done follows from what was published and what the registry has ([`steps`]); [`Registry`] asks and writes.

mod address;
mod answer;
mod client;
mod credentials;
mod error;
mod job;
mod message;
mod plan;
mod report;
mod subject;

pub use answer::Said;
pub use client::{Limits, Registry};
pub use credentials::{Credentials, CredentialsError};
pub use error::{Asked, RegistryError};
pub use job::{Options, register};
pub use plan::{Found, Registered, Standing, Step, steps};
pub use report::{Did, Done, RegisterReport};
pub use subject::{Subject, SubjectSchema, subjects};

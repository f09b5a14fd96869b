//! A choreography saga engine: what a service needs to take part in sagas over Kafka with its own PostgreSQL database.
//!
//! A [`Service`] declares each reaction once, in its [`Routes`]; rules are plain functions that answer with a [`Reaction`].
//! [`Runner`] does the rest: settings, migrations, Kafka, retries, deadlines, external calls, admin routes, metrics and traces. The
//! steps stand in `choreography-core` and know the database and Kafka by traits alone, so that a simulation drives the very code
//! that ships; `choreography-postgres` and `choreography-kafka` are those traits' other side.

#![warn(missing_docs)]

mod describe;
mod http;
mod preparing;
mod problem;
mod program;
mod runner;
mod runtime;
pub mod secret;
mod service;
mod settings;
mod starting;
mod stopping;
mod telemetry;

pub use choreography_core::{
    Answer, Call, Command, Event, EventType, Json, Key, Record, Refusal, Row, Undecodable,
    intents::{NoAnswer, Nobody, Outside},
    records,
    routes::{Further, Moment, Reaction, Reacts, Routes, Service, nothing, publish},
    store::Intent,
    table, words,
};
pub use choreography_postgres::Pool;

pub use describe::json_of;
pub use http::{CorrelationId, Trace};
/// The allocator of a service's program. Batches are many small allocations, made and freed together: it halves what they
/// cost.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: choreography::Allocator = choreography::Allocator;
/// # fn main() {}
/// ```
pub use mimalloc::MiMalloc as Allocator;
pub use problem::Problem;
#[doc(hidden)]
pub use program::settings as program_settings;
pub use runner::Runner;
pub use service::Context;
pub use settings::{EngineSettings, KafkaSettings, duration};

/// An HTTP server that bounds its connections, and how long each may take for headers and bodies.
pub mod server {
    pub use crate::http::{ServerLimits, serve};
}

/// For tests of a service: its rules through its real routes, and what is around them.
pub mod testing {
    pub use choreography_core::{
        given::{Given, Then},
        memory::{InMemory, NotTaken},
        trace::TraceContext,
    };

    pub use crate::{http::admin_routes, preparing::PLANNING, settings::RANGES};
}

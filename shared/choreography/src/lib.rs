//! A choreography saga engine: what a service needs to take part in sagas over Kafka with its own PostgreSQL database.
//!
//! A [`Service`] declares each reaction once, in its [`Routes`]; rules are plain functions that answer with a [`Reaction`].
//! [`Runner`] does the rest: settings, migrations, Kafka, retries, deadlines, external calls, admin routes, metrics and traces. The
//! steps stand in `choreography-core` and know the database and Kafka by traits alone, so that a simulation drives the very code
//! that ships; `choreography-postgres` and `choreography-kafka` are those traits' other side.
//!
//! # Features
//!
//! All are on by default, and each can be left out (`default-features = false`):
//!
//! | feature | with it | without it |
//! |---|---|---|
//! | `tls` | encrypted connections to Kafka (and SCRAM) and to PostgreSQL | a setting that asks for them is refused at the start |
//! | `http` | the API, probes, `/metrics`, admin routes | nobody listens; the log and the process's end are all that is told |
//! | `prometheus` | the recorder behind `/metrics` | what is recorded goes to the program's own recorder, if it has one |
//! | `otlp` | spans are exported where `OTEL_EXPORTER_OTLP_ENDPOINT` says | events, rows and calls carry their trace contexts all the same |

#![warn(missing_docs)]

mod describe;
mod health;
#[cfg(feature = "http")]
mod http;
mod preparing;
#[cfg(feature = "http")]
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
#[cfg(not(feature = "http"))]
mod without_http;
#[cfg(not(feature = "http"))]
use without_http as http;

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
#[cfg(feature = "http")]
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
#[cfg(feature = "http")]
pub use problem::Problem;
#[doc(hidden)]
pub use program::settings as program_settings;
pub use runner::Runner;
pub use service::Context;
pub use settings::{EngineSettings, KafkaSettings, duration};

#[cfg(feature = "http")]
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

    #[cfg(feature = "http")]
    pub use crate::http::admin_routes;
    pub use crate::{preparing::PLANNING, settings::RANGES};
}

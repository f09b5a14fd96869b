//! A choreography saga engine: what a service needs to take part in sagas over Kafka with its own PostgreSQL database.
//!
//! A [`Service`] declares each reaction once, in its [`Routes`]; rules are plain functions that return a [`Reaction`].
//! [`Runner`] does the rest: settings, migrations, Kafka, retries, deadlines, external calls, admin routes, metrics and traces. The
//! steps stand in `choreography-core` and know the database and Kafka by traits alone, so that a simulation drives the very code
//! that ships; `choreography-postgres` and `choreography-kafka` are those traits' other side.
//!
//! # A participant
//!
//! An event, a row, a rule and the routes are a whole participant. In memory, as tests have it:
//!
//! ```
//! use choreography::{Event, EventType, Moment, Reacts, Refusal, Routes, Service, DecodeError};
//! use choreography::{nothing, table, testing::InMemory};
//!
//! /// The desk's event; its contract says where it stands.
//! #[derive(Debug, serde::Serialize, serde::Deserialize)]
//! struct Visited {
//!     guest: String,
//! }
//!
//! impl Event for Visited {
//!     const TYPE: EventType = EventType { name: "visit.made", version: 1, topic: "desk-events", owner: "desk" };
//!     const FAMILY: &'static [EventType] = &[Self::TYPE];
//!
//!     fn aggregate_id(&self) -> String {
//!         self.guest.clone()
//!     }
//!     fn read(_version: u32, payload: &str) -> Result<Self, DecodeError> {
//!         let wrong = |e: serde_json::Error| DecodeError::Payload { path: "payload".into(), problem: e.to_string() };
//!         serde_json::from_str(payload).map_err(wrong)
//!     }
//!     fn write(&self) -> Result<String, Refusal> {
//!         serde_json::to_string(self).map_err(|error| Refusal::Permanent(error.to_string()))
//!     }
//! }
//!
//! /// The row per guest, in the table `cards`.
//! #[derive(Clone, Debug, Default, PartialEq)]
//! struct Card {
//!     stamps: i64,
//! }
//! table!(Card in cards by guest: stamps);
//!
//! struct Loyalty;
//! impl Service for Loyalty {
//!     type Aggregate = Card;
//!     const NAME: &'static str = "loyalty";
//!     fn routes(on: &mut Routes<Self>) {
//!         on.event(stamp);
//!     }
//! }
//!
//! fn stamp(_visited: &Visited, card: &mut Card, _at: &Moment<'_, Loyalty>) -> Reacts {
//!     card.stamps += 1;
//!     Ok(nothing())
//! }
//!
//! let mut world = InMemory::default().with(Loyalty);
//! for _ in 0..2 {
//!     world.event(Visited { guest: "ada".into() })?;
//! }
//! assert_eq!(world.find::<Loyalty, Card>("ada"), Card { stamps: 2 });
//! # Ok::<(), choreography::testing::InMemoryError>(())
//! ```
//!
//! [`Runner`] runs it with Kafka and PostgreSQL, as a program of its own ([`program!`]) or as a part of another
//! ([`EngineSettings::from_env`], [`Runner::until`]).
//!
//! # Names
//!
//! At most 40 names are for a service's author; a test counts them. What is hidden here is the repository's own, and may
//! change.
//!
//! # Features
//!
//! All are on by default, and each can be left out (`default-features = false`):
//!
//! | feature | with it | without it |
//! |---|---|---|
//! | `tls` | encrypted connections to Kafka (and SCRAM) and to PostgreSQL | a setting that asks for them is refused at the start |
//! | `http` | the API, probes, `/metrics`, admin routes | no port is opened; only the log and the exit code report |
//! | `prometheus` | the recorder behind `/metrics` | what is recorded goes to the program's own recorder, if it has one |
//! | `otlp` | spans are exported where `OTEL_EXPORTER_OTLP_ENDPOINT` says | events, rows and calls carry their trace contexts anyway |

#![warn(missing_docs)]

mod any_provider;
mod archive_command;
mod describe;
mod health;
#[cfg(feature = "http")]
mod http;
mod preparation;
#[cfg(feature = "http")]
mod problem;
mod program;
mod runner;
mod runtime;
#[doc(hidden)]
pub mod secret;
mod service;
mod settings;
mod shutdown;
mod startup;
mod telemetry;
#[cfg(not(feature = "http"))]
mod without_http;
#[cfg(not(feature = "http"))]
use without_http as http;

#[doc(hidden)]
pub use choreography_core::topic_moves::{Stage, TopicMove, TopicMoves};
pub use choreography_core::{
    Answer, Call, Command, DecodeError, Event, EventType, Json, Key, Record, Refusal, Row,
    calls::{CallError, NoProvider, Provider},
    records,
    routes::{Further, Moment, Reaction, Reacts, Routes, Service, nothing, publish},
    store::PendingCall,
    table, words,
};
#[doc(hidden)]
pub use choreography_kafka::Connection;
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
pub use problem::{Problem, ProblemType};
#[doc(hidden)]
pub use program::settings as program_settings;
pub use runner::Runner;
pub use service::Context;
#[doc(hidden)]
pub use settings::KafkaSettings;
pub use settings::{EngineSettings, SettingsError, duration};

#[cfg(feature = "http")]
#[doc(hidden)]
/// An HTTP server that bounds its connections, and how long each may take for headers and bodies.
pub mod server {
    pub use crate::http::{ServerLimits, as_served, documented, refusing_with_problems, secured, serve, serve_api};
}

/// For tests of a service: its rules through its real routes, and what is around them.
pub mod testing {
    pub use choreography_core::{
        given::{Given, Then},
        memory::{InMemory, InMemoryError},
        trace::TraceContext,
    };

    #[cfg(feature = "http")]
    #[doc(hidden)]
    pub use crate::http::{admin_routes, operators_routes, whole_api};
    #[doc(hidden)]
    pub use crate::{preparation::PLANNING, settings::RANGES};
}

//! The engine's own steps and a team's own rules, driven on one thread against models of PostgreSQL and Kafka.
//!
//! Every statement is a point at which another task may go on, an answer may be lost, or the process may die: a seed says what
//! happens, and replays it exactly. A team hands in its services, clients that use them, and what must hold:
//!
//! ```no_run
//! # use choreography_core::routes::{Routes, Service};
//! # #[derive(Clone, Debug, Default, PartialEq)] struct Account { points: i64 }
//! # choreography_core::table!(Account in accounts by id: points);
//! # struct Points;
//! # impl Service for Points { type Aggregate = Account; const NAME: &'static str = "points"; fn routes(_: &mut Routes<Self>) {} }
//! use choreography_simulator::{Simulation, Subject};
//!
//! let simulation = Simulation::new(|system| {
//!     let points = system.add(Subject::new(Points));
//!     system.at_rest(move || {
//!         let rows = points.rows::<Account>();
//!         rows.iter().filter(|(_, row)| row.points < 0).map(|(key, _)| format!("{key} owes points")).collect()
//!     });
//! });
//! simulation.holds(1..500);
//! ```
//!
//! What the engine promises is checked without a word: one effect per event and service, every committed event on its topic in the
//! order of the commits, nothing lost that could not be handled, deadlines that fire ([`Simulation::run`]).

#![warn(missing_docs)]

mod check;
pub mod core;
mod coverage;
pub mod database;
mod faults;
pub mod focus;
mod kafka;
mod observation;
mod plant;
mod poison;
mod probe;
mod replica;
mod requests;
mod schedule;
mod subject;
mod system;
mod unreliable_provider;
mod words;

pub use coverage::{Cell, Coverage};
pub use faults::Fault;
pub use kafka::{Broker, Kafka};
pub use observation::Observed;
pub use plant::Plant;
pub use poison::Poisons;
pub use schedule::{Many, Outcome, Simulation};
pub use subject::{Handle, Subject};
pub use system::System;
pub use unreliable_provider::Unreliable;
pub use words::interned;

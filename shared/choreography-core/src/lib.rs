//! A choreography saga engine without its I/O.
//!
//! What a service says of itself in types: which events it knows ([`Event`]), what its clients ask of it ([`Command`]), which
//! external calls it makes ([`Call`]), which rows it keeps ([`Row`], [`Record`]), and in its [`routes`] what it does about each.
//!
//! And the steps that follow: Everything that moves a saga passes one [`handler`] in batches; events leave by the [`outbox`] and
//! the [`relay`]. They know the database and Kafka only by the traits in [`store`] and [`broker`], so that a simulation drives the
//! very code that ships.

#![warn(missing_docs)]

pub mod broker;
mod call;
pub mod calls;
mod command;
pub mod commands;
pub mod crash_point;
pub mod dead_letter;
pub mod deadlines;
pub mod delivery;
pub mod effects;
pub mod envelope;
mod event;
pub mod event_id;
pub mod given;
pub mod handler;
pub mod input;
pub mod intake;
mod links;
pub mod memory;
mod offsets;
pub mod outbox;
pub mod panics;
pub mod participant;
pub mod policy;
pub mod progress;
pub mod reception;
mod refusal;
pub mod relay;
pub mod retry;
pub mod routes;
pub mod rows;
pub mod spans;
pub mod store;
pub mod table;
#[cfg(test)]
mod testing;
pub mod topic_moves;
pub mod trace;
pub mod versions;
pub mod wire_size;

pub use call::{Answer, Call};
pub use command::{Command, Key};
pub use event::{Event, EventType};
pub use refusal::{DecodeError, Refusal};
pub use table::{AnyRecord, AnyRow, Json, Record, Row, Table};

#[doc(hidden)]
pub use table::macros as for_macros;

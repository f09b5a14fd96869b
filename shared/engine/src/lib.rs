//! A choreography saga engine: what a service needs to take part in sagas over Kafka with its own PostgreSQL database.
//!
//! Rules are plain functions that a service declares in its [`routes`]; everything that moves a saga passes one [`door`] in
//! batches; events leave by the [`outbox`] and the relay. The steps know the database and Kafka only by the traits in
//! [`store`] and [`log`], so that the simulation drives the very code that ships.

pub use choreography_core as core;

pub mod commands;
pub mod consumer;
pub mod crash_point;
pub mod dead_letter;
pub mod deadlines;
pub mod delivery;
pub mod describe;
pub mod door;
pub mod effects;
pub mod envelope;
pub mod event_id;
pub mod given;
pub mod http;
pub mod input;
pub mod intents;
pub mod kafka;
pub mod log;
mod offsets;
pub mod outbox;
mod panics;
pub mod participant;
pub mod policy;
pub mod postgres;
mod preparing;
pub mod problem;
pub mod reception;
pub mod relay;
pub mod retry;
pub mod routes;
pub mod rows;
mod runtime;
pub mod secret;
pub mod service;
pub mod settings;
mod starting;
mod stopping;
pub mod store;
mod telemetry;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod wire_size;

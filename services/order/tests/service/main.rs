//! The order service on a real PostgreSQL.

mod api;
mod gauges;
mod given;
mod owners;
mod store;
mod traces;

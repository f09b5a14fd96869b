//! The order service on a real PostgreSQL.

mod api;
mod gauges;
mod owners;
mod store;
mod traces;

//! The order service on a real PostgreSQL.

mod api;
mod erasure;
mod gauges;
mod owners;
mod samples;
mod store;
mod traces;

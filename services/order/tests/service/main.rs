//! The order service on a real PostgreSQL.

mod api;
mod erasure;
mod gauges;
mod listing;
mod migrations;
mod openapi;
mod owners;
mod samples;
mod store;
mod traces;

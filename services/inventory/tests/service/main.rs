//! The inventory service on a real PostgreSQL.

mod api;
mod openapi;
mod store;

//! The shipping service on a real PostgreSQL.

mod openapi;
mod store;

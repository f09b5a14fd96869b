//! The payment service on a real PostgreSQL.

mod openapi;
mod refund;
mod samples;
mod settling;
mod store;

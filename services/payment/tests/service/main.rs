//! The payment service on a real PostgreSQL.

mod refund;
mod store;
mod world;

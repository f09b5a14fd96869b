//! The payment service on a real PostgreSQL.

mod refund;
mod samples;
mod settling;
mod store;

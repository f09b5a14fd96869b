//! The payment service on a real PostgreSQL.

mod given;
mod refund;
mod settling;
mod store;

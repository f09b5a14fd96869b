//! The notification service on a real PostgreSQL.

mod starting;
mod store;

//! The notification service on a real PostgreSQL.

mod startup;
mod store;

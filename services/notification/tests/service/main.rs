//! The notification service on a real PostgreSQL.

mod store;

//! The shipping service on a real PostgreSQL.

mod store;

//! The engine in one service on a real PostgreSQL.

mod connections;
mod listings;
mod settling;

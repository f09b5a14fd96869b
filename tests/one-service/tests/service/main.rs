//! The engine in one service on a real PostgreSQL.

mod admin;
mod connections;
mod crashes;
mod discards;
mod listings;
mod sweep;

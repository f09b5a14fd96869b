//! The engine in one service on a real PostgreSQL.

mod admin;
mod archive;
mod connections;
mod crashes;
mod depot;
mod discards;
mod event_counts;
mod events;
mod listings;
mod operators;
mod outbox;
mod past;
mod plans;
mod retries;
mod rounds;
mod sweep;
mod versions;
mod waits;

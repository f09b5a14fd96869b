//! The parts that the launcher starts, each alone.

mod embedded_broker;
mod kafka;
mod messages;
mod postgres;

//! The engine's own steps and the shop's own rules, driven against models of PostgreSQL and Kafka. Every statement is a
//! point at which another task may go on, or the process may die. A seed replays exactly.

mod check;
pub mod core;
pub mod database;
mod kafka;
mod outside;
mod replica;
mod schedule;

pub use core::Plant;
pub use schedule::{Outcome, run};

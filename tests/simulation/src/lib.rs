//! The engine's own steps and the shop's own rules, driven against models of PostgreSQL and Kafka. Every statement is a
//! point at which another task may go on, or the process may die. A seed replays exactly.

mod check;
pub mod core;
pub mod coverage;
pub mod database;
mod faults;
mod focus;
mod kafka;
mod observed;
mod outside;
mod plant;
mod poison;
mod probe;
mod replica;
mod requests;
mod schedule;

pub use plant::Plant;
pub use schedule::{Many, Outcome, many, run};

//! A small participant and a database in memory, for tests of the engine's own steps.

mod memory;
pub(crate) mod spans;
mod toy;
mod transaction;
mod world;

pub(crate) use memory::{DeferredRow, Intrusion, Memory, State};
pub(crate) use toy::{Table, Toy};
pub(crate) use world::{LIMITS, World, failure, key_of, now};

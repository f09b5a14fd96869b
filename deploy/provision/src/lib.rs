//! What must be there before the services start: secrets, topics, Kafka users and what they may do, databases and roles.
//!
//! Everything can be asked for again: what is there is kept, what is missing is made.

pub mod choreography;
pub mod databases;
mod error;
pub mod kafka;
mod scram;
pub mod secrets;
pub mod token;
pub mod tokens;

pub use error::{ProvisionError, Result};

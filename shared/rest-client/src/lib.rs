//! Outside calls in JSON over HTTP, with a time limit, a size limit and an idempotency key.
//!
//! Callers name their own requests and answers; what stands here once is the plumbing, and above all
//! the line between an answer and none ([`NoAnswer`]).

mod client;
mod no_answer;
mod reading;
mod setup;

pub use client::RestClient;
pub use no_answer::NoAnswer;
pub use setup::{Limits, SetupError};

//! What the schedules must reach, and what they cannot.

mod branches;
mod calls;
mod report;
mod transitions;

pub use report::{completed, print, required, shortfalls};

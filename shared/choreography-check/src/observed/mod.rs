//! Declared = observed: what happened on the topics and in the traces, held against what the services describe.
//!
//! What reads Kafka and Jaeger hands over one message or span at a time; counts of it are kept, and compared in the end.

mod causes;
mod comparison;
mod declared;
mod message;
mod observations;
mod tally;
mod trace;
mod undeclared;
mod unexercised;
mod window;

#[cfg(feature = "observe")]
pub mod jaeger;
#[cfg(feature = "observe")]
pub mod kafka;

pub use causes::REMEMBERED;
pub use comparison::{Comparison, compare};
pub use declared::topics;
pub use message::{DEAD_LETTERS, EventFact, Fact, Message, read};
pub use observations::Observations;
pub use trace::{Deed, SpanFact, Trace, Traces, facts};
pub use window::{Window, WindowError};

//! Logs and traces of a service, from its start to its end.

mod export;
mod logs;
mod one_line;

pub use export::Traces;
pub use logs::start as start_logs;

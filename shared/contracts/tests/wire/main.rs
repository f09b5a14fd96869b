//! The events as they stand on the wire.

mod ranges;
mod refusals;
mod support;
mod wire_format;

//! The events as they stand on the wire.

mod ranges;
mod refusals;
mod schemas;
mod support;
mod wire_format;

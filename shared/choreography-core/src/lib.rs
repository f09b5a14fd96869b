//! What a service says of itself in types, without any I/O: which events it knows ([`Event`]), what its clients ask of it
//! ([`Command`]), which external calls it makes ([`Call`]), and which rows it keeps ([`Row`], [`Record`]).

#![warn(missing_docs)]

mod call;
mod command;
mod event;
mod refusal;
pub mod table;

pub use call::{Answer, Call};
pub use command::{Command, Key};
pub use event::{Event, EventType};
pub use refusal::{Refusal, Undecodable};
pub use table::{AnyRecord, AnyRow, Json, Record, Row, Table};

#[doc(hidden)]
pub use table::macros as for_macros;

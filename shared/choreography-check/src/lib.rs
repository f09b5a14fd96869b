//! Checks a choreography before it runs: it reads what each service describes, goes through all orders of events of one saga,
//! and says what will go wrong, where, by which shortest order of events, and what to do.
//!
//! It knows no service and no engine: descriptions are JSON, of any team and language. `README.md` explains the format.

mod check;
mod contradictions;
mod description;
mod draw;
mod explore;
mod field;
mod kind;
mod model;
pub mod observed;
mod one_or_many;
mod pairs;
mod possible;
mod reactions;
mod read;
mod report;
#[cfg(test)]
mod schema_tests;
mod state_table;
mod verdict;
mod words;

pub use check::{LIMIT, check};
pub use description::{Description, EventContract};
pub use draw::{PageError, fill, page, part};
pub use field::{FieldType, JsonType};
pub use kind::Kind;
pub use one_or_many::OneOrMany;
pub use read::{Choreography, Described, OWNERS, ReadError, Wrong};
pub use report::{Explored, Finding, Place, Report};
pub use state_table::{ANY, Impossible, Line, StateTable, Transition};

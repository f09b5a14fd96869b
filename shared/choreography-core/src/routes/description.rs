//! What a service takes part in, as data.

use super::{Contradictions, Service, table::RouteTable};
use crate::EventType;

/// What a service reads, handles and publishes, as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The service's name.
    pub name: &'static str,
    /// The topics that it reads.
    pub reads: Vec<&'static str>,
    /// The types that it handles.
    pub handles: Vec<&'static str>,
    /// Those among them that overtake parked events.
    pub compensates: Vec<&'static str>,
    /// The types that it passes over in silence.
    pub ignores: Vec<&'static str>,
    /// The types that it publishes.
    pub publishes: Vec<&'static str>,
    /// The topics that it writes to.
    pub writes: Vec<&'static str>,
    /// The steps of its external calls.
    pub calls: Vec<&'static str>,
    /// The names of its deadlines.
    pub deadlines: Vec<&'static str>,
    /// Its tables: rows in the order in which they are locked, then records.
    pub tables: Vec<&'static str>,
    /// What the contracts say of all types that are named above, by name.
    pub events: Vec<EventType>,
}

impl Description {
    /// What a service declares.
    ///
    /// # Errors
    /// The declarations contradict each other.
    pub fn of<S: Service>() -> Result<Self, Contradictions> {
        RouteTable::of::<S>().map(|table| table.describe(S::NAME))
    }
}

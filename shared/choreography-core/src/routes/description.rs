//! What a service takes part in, as data.

use super::{RoutesError, Service, table::RouteTable};
use crate::{Event, EventType};

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
    pub events: Vec<EventContract>,
    /// What the service says of its part in a saga: JSON, as `on.saga(…)` was given it.
    pub saga: Option<&'static str>,
    /// The topics of keys of personal data that it owns.
    pub owns_keys: Vec<&'static str>,
    /// The topics of keys of personal data that it reads.
    pub reads_keys: Vec<&'static str>,
}

/// What a service knows of a type of event.
#[derive(Clone, Debug)]
pub struct EventContract {
    /// Its name, version, topic and owner.
    pub event_type: EventType,
    /// The versions that it reads, in ascending order; empty if it passes over it.
    pub accepts: Vec<u32>,
    /// Makes the JSON Schema of the payload, where the contract has one: a service that only runs needs none.
    pub schema: fn() -> Option<String>,
}

impl PartialEq for EventContract {
    fn eq(&self, other: &Self) -> bool {
        let of = |contract: &Self| (contract.event_type, contract.accepts.clone(), (contract.schema)());
        of(self) == of(other)
    }
}

impl Eq for EventContract {}

impl EventContract {
    pub(super) fn of<E: Event>() -> Self {
        let mut accepts = E::READS.to_vec();
        accepts.sort_unstable();
        Self { event_type: E::TYPE, accepts, schema: E::schema }
    }

    pub(super) fn ignored(event_type: EventType) -> Self {
        Self { event_type, accepts: Vec::new(), schema: || None }
    }
}

impl Description {
    /// What a service declares.
    ///
    /// # Errors
    /// The declarations contradict each other.
    pub fn of<S: Service>() -> Result<Self, RoutesError> {
        RouteTable::of::<S>().map(|table| table.describe(S::NAME))
    }
}

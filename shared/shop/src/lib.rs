//! The way between the contracts, which know no engine, and the engine, which knows no event.

pub mod body;
mod decode;
pub mod outside;
mod reason;
mod reference;
pub mod setting;

use contracts::Event;
use engine::{effects::Fact, participant::Refusal};
use uuid::Uuid;

pub use decode::decode;
pub use reason::reason;
pub use reference::{kept_reference, reference};

/// Wraps an event for publication; refused if it is not valid, since nothing wrong leaves a service.
pub fn fact(event: impl Into<Event>) -> Result<Fact, Refusal> {
    let event = event.into();
    let payload = event
        .to_payload()
        .map_err(|invalid| Refusal::Permanent(format!("{} can't be published: {invalid}", event.event_type())))?;
    Ok(Fact {
        topic: event.topic(),
        event_type: event.event_type(),
        version: event.version(),
        aggregate_id: event.order_id().to_string(),
        payload,
    })
}

/// An order's row key. Only keys that were made from order ids stand in these tables.
pub fn order_id(key: &str) -> Result<Uuid, Refusal> {
    key.parse().map_err(|_| Refusal::Permanent(format!("{key:?} is no order id")))
}

/// What the protocol rules out: it wakes someone, it is never a silent no-op.
pub fn cannot_happen(what: &str, state: impl std::fmt::Debug) -> Refusal {
    Refusal::Permanent(format!("{what} cannot happen here: the state is {state:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_key_is_an_order_id_or_nothing_that_stands_here() {
        let id = "01990000-0000-7000-8000-000000000001";
        assert_eq!(order_id(id).map(|id| id.to_string()).as_deref(), Ok(id));
        assert!(order_id("chair").unwrap_err().to_string().contains("chair"));
    }
}

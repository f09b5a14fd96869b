//! What the services of the shop share: what a provider says made fit for rows and events, bodies of requests, and sealed addresses.

pub mod body;
mod reason;
mod reference;
pub mod sealed_address;

use choreography::Refusal;
use uuid::Uuid;

pub use reason::reason;
pub use reference::{kept_reference, reference};

/// An order's row key. Only keys that were made from order ids stand in these tables.
pub fn order_id(key: &str) -> Result<Uuid, Refusal> {
    key.parse().map_err(|_| Refusal::Permanent(format!("{key:?} is no order id")))
}

/// What the protocol rules out: it alerts an operator, it is never a silent no-op.
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

//! What notification remembers of an order: the notice to its customer.

use choreography::{table, words};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notice {
    pub state: State,
    /// The customer to tell; from `Known` on.
    pub customer: Option<String>,
    /// What to tell; from `Telling` on.
    pub ending: Option<End>,
}

table!(Notice in notices by order_id: state, customer, ending);

words! {
    pub enum State {
        #[default]
        None = "none",
        /// The order was placed.
        Known = "known",
        /// It ended, and the mail service was asked.
        Telling = "telling",
        Told = "told",
        /// The mail service said no.
        Failed = "failed",
    }
}

words! {
    /// How an order ended.
    pub enum End {
        #[default]
        Completed = "completed",
        Cancelled = "cancelled",
    }
}

//! What newcomer remembers of an order.

use choreography::{table, words};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    pub state: State,
    /// Who ordered; from `Placed` on.
    pub customer: Option<String>,
}

table!(Order in orders by order_id: state, customer);

words! {
    pub enum State {
        #[default]
        None = "none",
        Placed = "placed",
        Completed = "completed",
    }
}

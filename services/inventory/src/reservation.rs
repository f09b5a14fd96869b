//! What is set aside for an order.

use choreography::{Json, table, words};
use contracts::Item;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reservation {
    pub state: State,
    pub items: Json<Vec<Item>>,
}

table!(Reservation in reservations by order_id: state, items);

words! {
    pub enum State {
        #[default]
        None = "none",
        Reserved = "reserved",
        Rejected = "rejected",
        /// Given back; or, if it never was reserved, a tombstone: it never will be.
        Released = "released",
        Shipped = "shipped",
    }
}

impl Reservation {
    /// The SKUs of which something is set aside.
    pub(crate) fn skus(&self) -> Vec<String> {
        skus(&self.items.0)
    }
}

pub(crate) fn skus(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| item.sku.clone()).collect()
}

//! What shipping remembers of an order, and what the carrier is asked for.

use choreography::{Call, table, words};
use contracts::Address;
use serde::{Deserialize, Serialize};

/// The shipment of an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shipment {
    pub state: State,
    /// The carrier's name for it.
    pub tracking_number: Option<String>,
}

table!(Shipment in shipments by order_id: state, tracking_number);

words! {
    pub enum State {
        #[default]
        None = "none",
        /// The carrier was asked: from here on a cancellation is too late, whatever the answer.
        Dispatching = "dispatching",
        Dispatched = "dispatched",
        Failed = "failed",
        /// A tombstone: nothing leaves the warehouse for this order, ever.
        Cancelled = "cancelled",
    }
}

/// The carrier takes the parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ship {
    pub items: Vec<ShipItem>,
    pub address: Option<Address>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShipItem {
    pub sku: String,
    pub quantity: u32,
}

impl Call for Ship {
    const STEP: &'static str = "ship";
}

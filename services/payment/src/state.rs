//! What payment remembers of an order.

use chrono::{DateTime, Utc};
use contracts::{Address, Item};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Keyed by order id.
    Payments,
}

/// The payment of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub state: State,
    /// What is paid, and what shipping will need; `None` until it is reserved.
    pub order: Option<OrderToPay>,
    /// The provider's name for the charge.
    pub charge_id: Option<String>,
}

impl Row {
    pub const NONE: Self = Self { state: State::None, order: None, charge_id: None };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    None,
    Capturing {
        /// Shipping is off already: whatever the provider took goes back at once.
        undo: bool,
    },
    Succeeded,
    Failed,
    Refunding,
    Refunded,
    /// A tombstone: cancelled before anything was asked of the provider.
    Voided,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderToPay {
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
    pub items: Vec<Item>,
    pub shipping_address: Option<Address>,
}

/// A line of the payment ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub order_id: String,
    pub kind: Kind,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
    /// The provider's name for it.
    pub provider_id: String,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Captured,
    Refunded,
}

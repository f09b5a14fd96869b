//! What inventory remembers: one reservation per order, one stock row per SKU.

use chrono::{DateTime, Utc};
use contracts::Item;

/// Tables in the order in which they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Keyed by order id.
    Reservations,
    /// Keyed by SKU.
    Stock,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Reservation(Reservation),
    Stock(Stock),
}

/// What is set aside for an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Reservation {
    pub state: ReservationState,
    pub items: Vec<Item>,
}

impl Reservation {
    pub const NONE: Self = Self { state: ReservationState::None, items: Vec::new() };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationState {
    None,
    Reserved,
    Rejected,
    /// Given back; or, if it never was reserved, a tombstone: it never will be.
    Released,
    Shipped,
}

/// The pieces of a SKU: on hand = available + reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    pub available: i64,
    pub reserved: i64,
    pub shipped: i64,
}

/// A line of the stock ledger: every change, and what caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub sku: String,
    /// `None` where stock was set by hand.
    pub order_id: Option<String>,
    pub change: Change,
    pub available: i64,
    pub reserved: i64,
    pub shipped: i64,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Set,
    Reserve,
    Release,
    Ship,
}

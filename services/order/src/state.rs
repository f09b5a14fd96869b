//! What order remembers: requests by idempotency key, and orders.

use chrono::{DateTime, Utc};
use contracts::{Address, Item};

/// Tables in the order in which they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Keyed by caller and idempotency key.
    Requests,
    /// Keyed by order id.
    Orders,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// `None`: nothing was asked under this key yet.
    Request(Option<Request>),
    Order(OrderRow),
}

/// What was asked under an idempotency key, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub body_hash: Vec<u8>,
    pub order_id: String,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OrderRow {
    pub status: Status,
    /// `None` where something came for an order that was never placed here.
    pub details: Option<Box<Details>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl OrderRow {
    pub const NONE: Self = Self {
        status: Status::None,
        details: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    None,
    Pending,
    /// A cancellation was requested; shipping decides whether it is too late.
    Cancelling,
    Completed,
    Cancelled,
}

impl Status {
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    pub user_id: String,
    pub total_amount: i64,
    pub currency: String,
    pub items: Vec<Item>,
    pub payment_method: Option<String>,
    pub shipping_address: Option<Address>,
}

/// A step of an order's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    pub order_id: String,
    pub status: Status,
    pub reason: String,
    pub at: DateTime<Utc>,
}

//! What order remembers of an order, and its history.

use choreography::{Json, Moment, Reaction, Refusal, nothing, records, table, words};
use chrono::{DateTime, Utc};
use contracts::{Address, Item, OrderDetails};

use crate::Order;

/// An order. Where something came for one that was never placed here, nothing is known but its status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderRow {
    pub status: Status,
    pub updated_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub user_id: Option<String>,
    pub total_amount: Option<i64>,
    pub currency: Option<String>,
    pub items: Option<Json<Vec<Item>>>,
    pub payment_method: Option<String>,
    /// Of an order whose address was not sealed.
    pub shipping_address: Option<Json<Address>>,
    /// Under the customer's key.
    pub sealed_address: Option<String>,
}

table! {
    OrderRow in orders by order_id:
    status, updated_at;
    once: created_at, user_id, total_amount, currency, items, payment_method, shipping_address,
    sealed_address
}

words! {
    pub enum Status {
        #[default]
        None = "none",
        Pending = "pending",
        /// A cancellation was requested; shipping decides whether it is too late.
        Cancelling = "cancelling",
        Completed = "completed",
        Cancelled = "cancelled",
    }
}

/// A step of an order's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    pub order_id: String,
    pub status: Status,
    pub reason: String,
    pub at: DateTime<Utc>,
}

records!(HistoryEntry in order_history: order_id, status, reason, at);

/// The deadline's name.
pub(crate) const DEADLINE: &str = "order";

impl OrderRow {
    /// A new order, pending.
    pub fn placed(details: OrderDetails, now: DateTime<Utc>) -> Self {
        Self {
            status: Status::Pending,
            updated_at: now,
            created_at: now,
            user_id: Some(details.user_id),
            total_amount: Some(details.total_amount),
            currency: Some(details.currency),
            items: Some(Json(details.items)),
            payment_method: details.payment_method,
            shipping_address: details.shipping_address.map(Json),
            sealed_address: details.sealed_address,
        }
    }

    /// What was ordered; `None` if the order was never placed here.
    pub fn details(self) -> Option<OrderDetails> {
        Some(OrderDetails {
            user_id: self.user_id?,
            total_amount: self.total_amount?,
            currency: self.currency?,
            items: self.items?.0,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address.map(|address| address.0),
            sealed_address: self.sealed_address,
        })
    }

    /// Moves the order on and writes its history. At an end the deadline is settled.
    pub(crate) fn advance(&mut self, status: Status, reason: &str, at: &Moment<'_, Order>) -> Reaction {
        (self.status, self.updated_at) = (status, at.now);
        let (order_id, reason) = (at.aggregate_id.to_owned(), reason.to_owned());
        let advanced = nothing().record(HistoryEntry { order_id, status, reason, at: at.now });
        match status {
            Status::Completed | Status::Cancelled => advanced.settle(DEADLINE).end(status.word(), self.created_at),
            Status::None | Status::Pending | Status::Cancelling => advanced,
        }
    }
}

/// Every saga begins with this service: an event about an order that it never placed calls an operator.
pub(crate) fn unknown_order(what: &str) -> Refusal {
    Refusal::Permanent(format!("{what} cannot happen here: unknown order, it was never placed"))
}

//! What payment remembers of an order, and its ledger.

use choreography::{Json, Refusal, records, table, words};
use chrono::{DateTime, Utc};
use contracts::{Address, Item};
use serde::{Deserialize, Serialize};

/// The payment of an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaymentRow {
    pub state: State,
    /// What is paid and, until it is, what shipping will need; `None` until it is reserved.
    pub details: Option<Json<OrderToPay>>,
    /// The provider's name for the charge.
    pub charge_id: Option<String>,
}

table!(PaymentRow in payments by order_id: state, details, charge_id);

words! {
    pub enum State {
        #[default]
        None = "none",
        Capturing = "capturing",
        /// Shipping is off already: whatever the provider took goes back at once.
        CapturingUndo = "capturing_undo",
        Succeeded = "succeeded",
        Failed = "failed",
        Refunding = "refunding",
        Refunded = "refunded",
        /// A tombstone: cancelled before anything was asked of the provider.
        Voided = "voided",
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderToPay {
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
    pub items: Vec<Item>,
    /// Of an order from before it was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// As it came: payment has no key to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_address: Option<String>,
}

impl OrderToPay {
    /// What a refund needs.
    pub(crate) fn money(&self) -> Self {
        Self { amount: self.amount, currency: self.currency.clone(), ..Self::default() }
    }
}

impl PaymentRow {
    /// What is paid for. Known in every state that is past none and voided.
    pub(crate) fn paid(&self) -> Result<&OrderToPay, Refusal> {
        let details = self.details.as_ref().map(|Json(order)| order);
        details.ok_or_else(|| Refusal::Permanent(format!("the payment has no order details: {self:?}")))
    }
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

records!(LedgerEntry in payment_ledger: order_id, kind, amount, currency, provider_id, at);

words! {
    pub enum Kind {
        #[default]
        Captured = "captured",
        Refunded = "refunded",
    }
}

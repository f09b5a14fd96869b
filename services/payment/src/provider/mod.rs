//! The payment provider: who holds the money. What it must speak is described in `services/sandbox/README.md`.

mod http;
mod sandbox;

use std::future::Future;

use serde::{Deserialize, Serialize};

pub use http::HttpProvider;
pub use rest_client::{NoAnswer, SetupError};
pub use sandbox::sandbox;

/// A payment provider that takes each key once.
///
/// The same key with the same request has one effect and one answer, however often it is sent, for as long as the
/// provider keeps keys. [`NoAnswer`] is neither yes nor no: find, repeat under the same key, or cancel by key.
pub trait Provider: Send + Sync + 'static {
    /// Captures `request.amount`.
    fn charge(&self, key: &str, request: &ChargeRequest)
    -> impl Future<Output = Result<ChargeAnswer, NoAnswer>> + Send;

    /// What became of a charge. `None`: the provider has not seen the key, *yet*: a stalled call may still arrive.
    fn find_charge(&self, key: &str) -> impl Future<Output = Result<Option<ChargeAnswer>, NoAnswer>> + Send;

    /// Sees to it that the key never charges from now on, or answers what it has come to before.
    fn cancel_charge(&self, key: &str) -> impl Future<Output = Result<ChargeAnswer, NoAnswer>> + Send;

    /// Gives money of a charge back.
    fn refund(&self, key: &str, request: &RefundRequest)
    -> impl Future<Output = Result<RefundAnswer, NoAnswer>> + Send;

    /// What became of a refund. `None` as for [`Provider::find_charge`].
    fn find_refund(&self, key: &str) -> impl Future<Output = Result<Option<RefundAnswer>, NoAnswer>> + Send;
}

/// What to capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargeRequest {
    /// The order that is paid for.
    pub order_id: String,
    /// In the currency's minor unit, above zero.
    pub amount: i64,
    /// ISO 4217, three capital letters.
    pub currency: String,
    /// The token by which the provider knows how to take the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
}

/// What to give back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundRequest {
    /// The order that was paid for.
    pub order_id: String,
    /// The charge, as [`ChargeAnswer::Succeeded`] named it.
    pub charge_id: String,
    /// In the currency's minor unit, above zero.
    pub amount: i64,
    /// The charge's currency.
    pub currency: String,
}

/// A charge's end. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum ChargeAnswer {
    /// The money is here.
    Succeeded {
        /// The provider's name for it.
        charge_id: String,
    },
    /// No money was taken, and under this key none will be.
    Declined {
        /// Why, in the provider's words.
        reason: String,
    },
    /// The key was cancelled before it charged.
    Cancelled,
}

/// A refund's end. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum RefundAnswer {
    /// The money went back.
    Succeeded {
        /// The provider's name for it.
        refund_id: String,
    },
    /// Under this key it never will.
    Declined {
        /// Why, in the provider's words.
        reason: String,
    },
}

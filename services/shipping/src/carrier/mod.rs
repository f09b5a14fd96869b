//! The carrier: who takes the parcels. What it must speak is described in `services/sandbox/README.md`.

mod http;
mod sandbox;

use std::future::Future;

use serde::{Deserialize, Serialize};

pub use http::HttpCarrier;
pub use rest_client::{NoAnswer, SetupError};
pub use sandbox::sandbox;

/// A carrier that takes each key once.
///
/// The same key with the same request has one effect and one answer, however often it is sent, for as long as the
/// carrier keeps keys. [`NoAnswer`] is neither yes nor no: find, or repeat under the same key.
pub trait Carrier: Send + Sync + 'static {
    /// Hands the parcel over.
    fn ship(
        &self,
        key: &str,
        request: &ShipmentRequest,
    ) -> impl Future<Output = Result<ShipmentAnswer, NoAnswer>> + Send;

    /// What became of a shipment. `None`: the carrier has not seen the key, *yet*: a stalled call may still arrive.
    fn find_shipment(&self, key: &str) -> impl Future<Output = Result<Option<ShipmentAnswer>, NoAnswer>> + Send;
}

/// What to send, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShipmentRequest {
    /// The order that is sent.
    pub order_id: String,
    /// At least one.
    pub items: Vec<ShipmentItem>,
    /// A JSON object; `city` is what carriers look at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<serde_json::Map<String, serde_json::Value>>,
}

/// One line of the parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShipmentItem {
    /// The stock-keeping unit.
    pub sku: String,
    /// Above zero.
    pub quantity: i64,
}

/// A shipment's end. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum ShipmentAnswer {
    /// The parcel is on its way.
    Accepted {
        /// By which it can be followed.
        tracking_number: String,
    },
    /// Nothing left, and under this key nothing will.
    Refused {
        /// Why, in the carrier's words.
        reason: String,
    },
}

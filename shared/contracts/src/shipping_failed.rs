//! `shipping.failed`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload};

/// The carrier refused; nothing leaves the warehouse. Read by payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingFailed {
    pub order_id: Uuid,
    pub reason: String,
}

impl Payload for ShippingFailed {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::reason(&self.reason)
    }
}

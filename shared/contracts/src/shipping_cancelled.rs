//! `shipping.cancelled`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload};

/// Nothing leaves the warehouse for this order, ever. Read by payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingCancelled {
    pub order_id: Uuid,
    pub reason: String,
}

impl Payload for ShippingCancelled {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::reason(&self.reason)
    }
}

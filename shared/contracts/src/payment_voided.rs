//! `payment.voided`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload};

/// The order was cancelled before any money was taken; none will be. Read by inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentVoided {
    pub order_id: Uuid,
    pub reason: String,
}

impl Payload for PaymentVoided {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::reason(&self.reason)
    }
}

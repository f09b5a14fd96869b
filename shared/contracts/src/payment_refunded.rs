//! `payment.refunded`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload};

/// The money is back with the payer. Read by inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRefunded {
    pub order_id: Uuid,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
    pub refund_id: String,
}

impl Payload for PaymentRefunded {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::amount_paid("payload.amount", self.amount)?;
        check::currency_paid("payload.currency", &self.currency)?;
        check::reference("payload.refundId", &self.refund_id)
    }
}

//! `payment.refunded`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, check, event::Payload, schema};

/// The money is back with the payer. Read by inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRefunded {
    pub order_id: Uuid,
    /// In the currency's minor unit.
    #[schemars(range(min = 1))]
    pub amount: i64,
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    #[schemars(schema_with = "schema::reference")]
    pub refund_id: String,
}

impl Payload for PaymentRefunded {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::amount_paid("payload.amount", self.amount)?;
        check::currency_paid("payload.currency", &self.currency)?;
        check::reference("payload.refundId", &self.refund_id)
    }
}

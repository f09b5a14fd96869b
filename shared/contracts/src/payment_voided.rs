//! `payment.voided`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, check, event::Payload, schema};

/// The order was cancelled before any money was taken; none will be. Read by inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentVoided {
    pub order_id: Uuid,
    #[schemars(schema_with = "schema::reason")]
    pub reason: String,
}

impl Payload for PaymentVoided {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::reason(&self.reason)
    }
}

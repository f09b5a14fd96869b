//! `payment.failed`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, check, event::Payload, schema};

/// No money was taken and none will be. Read by inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentFailed {
    pub order_id: Uuid,
    #[schemars(schema_with = "schema::reason")]
    pub reason: String,
}

impl Payload for PaymentFailed {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::reason(&self.reason)
    }
}

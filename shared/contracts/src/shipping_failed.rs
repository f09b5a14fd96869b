//! `shipping.failed`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, check, event::Payload, schema};

/// The carrier refused; nothing leaves the warehouse. Read by payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShippingFailed {
    pub order_id: Uuid,
    #[schemars(schema_with = "schema::reason")]
    pub reason: String,
}

impl Payload for ShippingFailed {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::reason(&self.reason)
    }
}

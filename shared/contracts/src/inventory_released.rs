//! `inventory.released`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, check, event::Payload, schema};

/// Nothing is set aside for the order any more, or ever will be. Read by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryReleased {
    pub order_id: Uuid,
    #[schemars(schema_with = "schema::reason")]
    pub reason: String,
}

impl Payload for InventoryReleased {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::reason(&self.reason)
    }
}

//! `inventory.reserved`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, OrderDetails, event::Payload, read::locate};

/// All items are set aside. Read by payment, which hands items and address on to shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryReserved {
    pub order_id: Uuid,
    #[serde(flatten)]
    pub details: OrderDetails,
}

impl Payload for InventoryReserved {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        self.details.validate()
    }

    fn locate(payload: &str) -> Option<ContractError> {
        locate::<OrderDetails>(payload).or_else(|| locate::<Self>(payload))
    }
}

//! `order.placed`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, OrderDetails, event::Payload, read::locate};

/// An order was accepted; its client has the answer. Read by inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    pub order_id: Uuid,
    #[serde(flatten)]
    pub details: OrderDetails,
}

impl Payload for OrderPlaced {
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

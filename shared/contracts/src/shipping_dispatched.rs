//! `shipping.dispatched`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ContractError, check, event::Payload, schema};

/// The goods are on their way: the pivot, after which nothing is undone. Read by order and inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShippingDispatched {
    pub order_id: Uuid,
    #[schemars(schema_with = "schema::reference")]
    pub tracking_number: String,
}

impl Payload for ShippingDispatched {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::reference("payload.trackingNumber", &self.tracking_number)
    }
}

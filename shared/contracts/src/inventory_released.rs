//! `inventory.released`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload};

/// Nothing is set aside for the order any more, or ever will be. Read by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryReleased {
    pub order_id: Uuid,
    pub reason: String,
}

impl Payload for InventoryReleased {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::reason(&self.reason)
    }
}

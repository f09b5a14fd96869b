//! `inventory.rejected`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload};

/// An item that is not there in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    pub sku: String,
    pub requested: u32,
    pub available: i64,
}

/// Not everything is there, so nothing was set aside. Read by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryRejected {
    pub order_id: Uuid,
    pub reason: String,
    pub shortages: Vec<Shortage>,
}

impl Payload for InventoryRejected {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::reason(&self.reason)?;
        self.shortages
            .iter()
            .enumerate()
            .try_for_each(|(index, shortage)| check::sku(&format!("payload.shortages[{index}].sku"), &shortage.sku))
    }
}

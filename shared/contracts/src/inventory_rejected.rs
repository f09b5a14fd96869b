//! `inventory.rejected`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, check, event::Payload, item::MAX_ITEMS, object};

/// An item that is not there in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    pub sku: String,
    /// Pieces that the order wants.
    pub requested: u32,
    /// Pieces that are there: fewer.
    pub available: i64,
}

/// Not everything is there, so nothing was set aside. Read by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryRejected {
    pub order_id: Uuid,
    pub reason: String,
    #[serde(deserialize_with = "object::list")]
    pub shortages: Vec<Shortage>,
}

impl Payload for InventoryRejected {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::reason(&self.reason)?;
        let count = self.shortages.len();
        if !(1..=MAX_ITEMS).contains(&count) {
            return Err(Invalid::field(
                "payload.shortages",
                format!("must have 1 to {MAX_ITEMS} entries, has {count}"),
            ));
        }
        self.shortages
            .iter()
            .enumerate()
            .try_for_each(|(index, shortage)| shortage.validate(&format!("payload.shortages[{index}]")))
    }
}

impl Shortage {
    fn validate(&self, path: &str) -> Result<(), Invalid> {
        check::sku(&format!("{path}.sku"), &self.sku)?;
        check::quantity(&format!("{path}.requested"), self.requested)?;
        if (0..i64::from(self.requested)).contains(&self.available) {
            return Ok(());
        }
        let problem = format!("must be from 0 to below requested ({}), is {}", self.requested, self.available);
        Err(Invalid::field(format!("{path}.available"), problem))
    }
}

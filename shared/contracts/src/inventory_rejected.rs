//! `inventory.rejected`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ContractError, check,
    event::Payload,
    item::{MAX_ITEMS, MAX_QUANTITY},
    object, schema,
};

/// An item that is not there in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    #[schemars(schema_with = "schema::sku")]
    pub sku: String,
    /// Pieces that the order wants.
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    pub requested: u32,
    /// Pieces that are there: fewer.
    #[schemars(range(min = 0))]
    pub available: i64,
}

/// Not everything is there, so nothing was set aside. Read by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryRejected {
    pub order_id: Uuid,
    #[schemars(schema_with = "schema::reason")]
    pub reason: String,
    #[serde(deserialize_with = "object::list")]
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    pub shortages: Vec<Shortage>,
}

impl Payload for InventoryRejected {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        check::reason(&self.reason)?;
        let count = self.shortages.len();
        if !(1..=MAX_ITEMS).contains(&count) {
            return Err(ContractError::field(
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
    fn validate(&self, path: &str) -> Result<(), ContractError> {
        check::sku(&format!("{path}.sku"), &self.sku)?;
        check::quantity(&format!("{path}.requested"), self.requested)?;
        if (0..i64::from(self.requested)).contains(&self.available) {
            return Ok(());
        }
        let problem = format!("must be from 0 to below requested ({}), is {}", self.requested, self.available);
        Err(ContractError::field(format!("{path}.available"), problem))
    }
}

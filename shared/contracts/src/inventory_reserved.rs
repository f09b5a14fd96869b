//! `inventory.reserved`

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Address, Invalid, Item, check,
    event::Payload,
    item::{validate_items, validate_total},
    object,
};

/// All items are set aside. Read by payment, which hands items and address on to shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryReserved {
    pub order_id: Uuid,
    pub user_id: String,
    /// In the currency's minor unit.
    pub total_amount: i64,
    pub currency: String,
    #[serde(deserialize_with = "object::list")]
    pub items: Vec<Item>,
    /// The payment provider's token for how to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
}

impl Payload for InventoryReserved {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), Invalid> {
        check::user_id("payload.userId", &self.user_id)?;
        validate_items(&self.items, "payload.items")?;
        validate_total(&self.items, self.total_amount, "payload.totalAmount")?;
        check::currency("payload.currency", &self.currency)?;
        check::details(self.payment_method.as_deref(), self.shipping_address.as_ref())
    }
}

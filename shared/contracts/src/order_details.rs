//! What was ordered, as several events carry it.

use serde::{Deserialize, Serialize};

use crate::{
    Address, Invalid, Item, check,
    item::{validate_items, validate_total},
    object,
};

/// What was ordered, by whom, and how it is paid. It stands beside the order's id, in the same JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetails {
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

impl OrderDetails {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        check::user_id("payload.userId", &self.user_id)?;
        validate_items(&self.items, "payload.items")?;
        validate_total(&self.items, self.total_amount, "payload.totalAmount")?;
        check::currency("payload.currency", &self.currency)?;
        if let Some(token) = &self.payment_method {
            check::reference("payload.paymentMethod", token)?;
        }
        self.shipping_address.as_ref().map_or(Ok(()), |address| address.validate("payload.shippingAddress"))
    }
}

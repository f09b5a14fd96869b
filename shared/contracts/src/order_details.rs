//! What was ordered, as several events carry it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Address, ContractError, Item,
    check::{self, MAX_AMOUNT, MAX_REFERENCE, MAX_USER_ID},
    item::{MAX_ITEMS, validate_items, validate_total},
    object, schema,
};

/// What was ordered, by whom, and how it is paid. It stands beside the order's id, in the same JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetails {
    #[schemars(schema_with = "schema::text::<MAX_USER_ID>")]
    pub user_id: String,
    /// In the currency's minor unit.
    #[schemars(range(min = 1, max = MAX_AMOUNT))]
    pub total_amount: i64,
    /// The code of a currency in which something can be paid, by ISO 4217.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    #[serde(deserialize_with = "object::list")]
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    pub items: Vec<Item>,
    /// The payment provider's token for how to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_text::<MAX_REFERENCE>")]
    pub payment_method: Option<String>,
    /// In events from before it was sealed.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Name and address as JSON, sealed under the customer's key: a JWE (RFC 7516) in compact form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_sealed")]
    pub sealed_address: Option<String>,
}

impl OrderDetails {
    pub(crate) fn validate(&self) -> Result<(), ContractError> {
        check::user_id("payload.userId", &self.user_id)?;
        validate_items(&self.items, "payload.items")?;
        validate_total(&self.items, self.total_amount, "payload.totalAmount")?;
        check::currency("payload.currency", &self.currency)?;
        if let Some(token) = &self.payment_method {
            check::reference("payload.paymentMethod", token)?;
        }
        if let Some(sealed) = &self.sealed_address {
            check::sealed("payload.sealedAddress", sealed)?;
        }
        self.shipping_address.as_ref().map_or(Ok(()), |address| address.validate("payload.shippingAddress"))
    }
}

//! `payment.succeeded`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Address, ContractError, Item, check,
    event::Payload,
    item::{MAX_ITEMS, validate_items},
    object, schema,
};

/// The money is taken. Read by shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSucceeded {
    pub order_id: Uuid,
    #[serde(deserialize_with = "object::list")]
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    pub items: Vec<Item>,
    /// In the currency's minor unit.
    #[schemars(range(min = 1))]
    pub amount: i64,
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    #[schemars(schema_with = "schema::reference")]
    pub charge_id: String,
    /// In events from before it was sealed.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Name and address as JSON, sealed under the customer's key: a JWE (RFC 7516) in compact form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_sealed")]
    pub sealed_address: Option<String>,
}

impl Payload for PaymentSucceeded {
    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn validate(&self) -> Result<(), ContractError> {
        validate_items(&self.items, "payload.items")?;
        check::amount_paid("payload.amount", self.amount)?;
        check::currency_paid("payload.currency", &self.currency)?;
        check::reference("payload.chargeId", &self.charge_id)?;
        if let Some(sealed) = &self.sealed_address {
            check::sealed("payload.sealedAddress", sealed)?;
        }
        self.shipping_address.as_ref().map_or(Ok(()), |address| address.validate("payload.shippingAddress"))
    }
}

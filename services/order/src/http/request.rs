//! The body of `POST /orders`.

use choreography::Problem;
use contracts::{
    Address, ContractError, Item, OrderDetails, check, check::MAX_AMOUNT, object, total_amount, validate_items,
    validate_total,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An order to be placed.
// Strict: an unknown field is more likely a mistake than a wish.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrder {
    /// Whose order it is: where tokens are needed, the token's subject.
    #[schema(min_length = 1, max_length = 128)]
    user_id: String,
    /// The ISO 4217 code of a currency to pay in.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    #[serde(deserialize_with = "object::list")]
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<NewItem>,
    /// In the currency's minor unit. Checked against the items, if it is there.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    total_amount: Option<i64>,
    /// The payment provider's token.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    payment_method: Option<String>,
    #[serde(default, deserialize_with = "object::optional")]
    shipping_address: Option<NewAddress>,
}

/// A line of an order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Item)]
pub(super) struct NewItem {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    sku: String,
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: u32,
    /// Of one piece, in the currency's minor unit.
    #[schema(minimum = 0)]
    price: i64,
}

/// A postal address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Address)]
pub(super) struct NewAddress {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 1, max_length = 200)]
    line1: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    line2: Option<String>,
    #[schema(min_length = 1, max_length = 20)]
    postal_code: String,
    #[schema(min_length = 1, max_length = 100)]
    city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: String,
}

impl From<NewItem> for Item {
    fn from(NewItem { sku, quantity, price }: NewItem) -> Self {
        Self { sku, quantity, price }
    }
}

impl From<NewAddress> for Address {
    fn from(NewAddress { name, line1, line2, postal_code, city, country }: NewAddress) -> Self {
        Self { name, line1, line2, postal_code, city, country }
    }
}

impl NewOrder {
    /// Checks every field; an error names it.
    pub fn into_details(self) -> Result<OrderDetails, Problem> {
        self.checked().map_err(|invalid| match &invalid {
            ContractError::Field { path, .. } => Problem::field(path.clone(), &invalid),
            _ => Problem::field("(body)", &invalid),
        })
    }

    fn checked(self) -> Result<OrderDetails, ContractError> {
        check::user_id("userId", &self.user_id)?;
        check::currency("currency", &self.currency)?;
        let items: Vec<Item> = self.items.into_iter().map(Item::from).collect();
        validate_items(&items, "items")?;
        let too_much =
            || ContractError::field("items", format!("they add up to more than {MAX_AMOUNT}, the largest order"));
        let sum = total_amount(&items).filter(|sum| *sum <= MAX_AMOUNT).ok_or_else(too_much)?;
        validate_total(&items, self.total_amount.unwrap_or(sum), "totalAmount")?;
        if let Some(token) = &self.payment_method {
            check::reference("paymentMethod", token)?;
        }
        let shipping_address = self.shipping_address.map(Address::from);
        if let Some(address) = &shipping_address {
            address.validate("shippingAddress")?;
        }
        Ok(OrderDetails {
            user_id: self.user_id,
            total_amount: sum,
            currency: self.currency,
            items,
            payment_method: self.payment_method,
            shipping_address,
            sealed_address: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Option<String> {
        let order: Result<NewOrder, Problem> = shop::body::read_text(body);
        order.and_then(NewOrder::into_details).err().and_then(|problem| problem.field)
    }

    #[test]
    fn a_wrong_field_is_named() {
        let good = r#"{"userId":"ada","currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}]}"#;
        assert_eq!(refused(good), None);
        assert_eq!(refused(&good.replace(":100}", ":500000000000}")), None);
        let cases = [
            (r#""userId":"ada""#, r#""userId":"""#, "userId"),
            ("EUR", "euro", "currency"),
            ("EUR", "XXX", "currency"),
            ("EUR", "ZZZ", "currency"),
            (r#""quantity":2"#, r#""quantity":0"#, "items[0].quantity"),
            (r#""quantity":2"#, r#""quantity":2.5"#, "items[0].quantity"),
            (r#""price":100"#, r#""price":0"#, "totalAmount"),
            (r#""currency""#, r#""totalAmount":1,"currency""#, "totalAmount"),
            (r#""currency""#, r#""coupon":"x","currency""#, "coupon"),
            (r#""price":100"#, r#""price":100,"colour":"red""#, "items[0].colour"),
            (r#""price":100"#, r#""price":-1"#, "items[0].price"),
            (r#""price":100"#, r#""price":9223372036854775807"#, "items"),
            (r#""price":100"#, r#""price":9007199254740993"#, "items"),
            (r#""price":100"#, r#""price":500000000001"#, "items"),
            (r#","price":100"#, "", "items[0].price"),
            (r#"{"sku":"chair","quantity":2,"price":100}"#, r#"["chair",2,100]"#, "items[0]"),
            (r#""userId":"ada","#, "", "userId"),
            (r#""currency""#, r#""paymentMethod":"","currency""#, "paymentMethod"),
            (r#""currency""#, r#""shippingAddress":{"name":"x"},"currency""#, "shippingAddress.line1"),
            (r#""currency""#, r#""shippingAddress":{"street":"x"},"currency""#, "shippingAddress.street"),
        ];
        for (from, to, field) in cases {
            assert_eq!(refused(&good.replacen(from, to, 1)).as_deref(), Some(field), "{to}");
        }
    }
}

//! The body of `POST /orders`.

use contracts::{Address, Item, check, item, total_amount};
use engine::problem::Problem;
use serde::{Deserialize, Serialize};

use crate::state::Details;

/// Strict: a field that nobody knows is more likely a mistake than a wish.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrder {
    user_id: String,
    currency: String,
    items: Vec<Item>,
    /// Checked against the items, if it is there.
    #[serde(default)]
    total_amount: Option<i64>,
    #[serde(default)]
    payment_method: Option<String>,
    #[serde(default)]
    shipping_address: Option<Address>,
}

impl NewOrder {
    /// Checks every field; an error names it.
    pub fn into_details(self) -> Result<Details, Problem> {
        self.check().map_err(|invalid| match &invalid {
            contracts::Invalid::Field { path, .. } => Problem::field(path.clone(), &invalid),
            _ => Problem::field("(body)", &invalid),
        })?;
        let sum = total_amount(&self.items)
            .ok_or_else(|| Problem::field("items", "items: they add up to more than fits"))?;
        Ok(Details {
            user_id: self.user_id,
            total_amount: sum,
            currency: self.currency,
            items: self.items,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address,
        })
    }

    fn check(&self) -> Result<(), contracts::Invalid> {
        check::text("userId", &self.user_id, 128)?;
        check::currency("currency", &self.currency)?;
        contracts::validate_items(&self.items, "items")?;
        let sum = total_amount(&self.items).unwrap_or(i64::MAX);
        item::validate_total(&self.items, self.total_amount.unwrap_or(sum), "totalAmount")?;
        if let Some(token) = &self.payment_method {
            check::text("paymentMethod", token, 200)?;
        }
        self.shipping_address.as_ref().map_or(Ok(()), |address| address.validate("shippingAddress"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Option<String> {
        let order: Result<NewOrder, Problem> = engine::problem::read_json(body);
        order.and_then(NewOrder::into_details).err().and_then(|problem| problem.field)
    }

    #[test]
    fn a_wrong_field_is_named() {
        let good = r#"{"userId":"ada","currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}]}"#;
        assert_eq!(refused(good), None);
        let cases = [
            (r#""userId":"ada""#, r#""userId":"""#, "userId"),
            ("EUR", "euro", "currency"),
            (r#""quantity":2"#, r#""quantity":0"#, "items[0].quantity"),
            (r#""quantity":2"#, r#""quantity":2.5"#, "items[0].quantity"),
            (r#""price":100"#, r#""price":0"#, "totalAmount"),
            (r#""currency""#, r#""totalAmount":1,"currency""#, "totalAmount"),
            (r#""currency""#, r#""coupon":"x","currency""#, "coupon"),
            (r#""currency""#, r#""shippingAddress":{"name":"x"},"currency""#, "shippingAddress"),
        ];
        for (from, to, field) in cases {
            assert_eq!(refused(&good.replacen(from, to, 1)).as_deref(), Some(field), "{to}");
        }
    }
}

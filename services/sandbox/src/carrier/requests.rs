//! What the carrier is asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::{body::Checked, text::unfit};

const MOST_ITEMS: usize = 1000;

/// Body of `POST /v1/shipments`. A missing field reads as its empty value, so that the check can name it.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShipmentRequest {
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) order_id: String,
    #[serde(default)]
    #[schema(required, min_items = 1, max_items = 1000)]
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) address: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Item {
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) sku: String,
    #[serde(default)]
    #[schema(required, minimum = 1)]
    pub(crate) quantity: i64,
}

impl ShipmentRequest {
    /// As [`crate::behaviour::Behaviour::of_shipment`] takes it.
    pub(crate) fn city(&self) -> Option<Option<&str>> {
        self.address.as_ref().map(|address| address.get("city").and_then(Value::as_str))
    }
}

impl ShipmentRequest {
    /// A refusal quotes where the parcel was to go, as carriers' refusals do.
    pub(crate) fn quoting(&self, reason: &str) -> String {
        let field = |name| self.address.as_ref().and_then(|address| address.get(name)).and_then(Value::as_str);
        let quoted: Vec<&str> = ["name", "line1"].into_iter().filter_map(field).collect();
        if quoted.is_empty() { reason.to_owned() } else { format!("{reason}: {}", quoted.join(", ")) }
    }
}

impl Checked for ShipmentRequest {
    fn check(&self) -> Result<(), (String, &'static str)> {
        let wrong = |field: String, why: Option<&'static str>| why.map_or(Ok(()), |why| Err((field, why)));
        wrong("orderId".to_owned(), unfit(&self.order_id))?;
        let many = match self.items.len() {
            0 => Some("must hold at least one item"),
            n if n > MOST_ITEMS => Some("must not hold more than 1000 items"),
            _ => None,
        };
        wrong("items".to_owned(), many)?;
        for (i, item) in self.items.iter().enumerate() {
            wrong(format!("items[{i}].sku"), unfit(&item.sku))?;
            wrong(format!("items[{i}].quantity"), (item.quantity < 1).then_some("must be above zero"))?;
        }
        Ok(())
    }
}

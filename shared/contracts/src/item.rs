//! What is ordered.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ContractError, check, schema};

/// Most items in an order.
pub const MAX_ITEMS: usize = 100;
/// Largest quantity of an item.
pub const MAX_QUANTITY: u32 = 1_000_000;

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    #[schemars(schema_with = "schema::sku")]
    pub sku: String,
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: u32,
    /// Of one piece, in the currency's minor unit.
    #[schemars(range(min = 0))]
    pub price: i64,
}

/// The sum over all items, or `None` where it does not fit.
pub fn total_amount(items: &[Item]) -> Option<i64> {
    items.iter().try_fold(0_i64, |sum, item| sum.checked_add(item.price.checked_mul(i64::from(item.quantity))?))
}

/// 1 to [`MAX_ITEMS`] sound items, none twice. `path` is the list's place.
pub fn validate_items(items: &[Item], path: &str) -> Result<(), ContractError> {
    if items.is_empty() || items.len() > MAX_ITEMS {
        return Err(ContractError::field(path, format!("must have 1 to {MAX_ITEMS} items, has {}", items.len())));
    }
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        check::sku(&at("sku"), &item.sku)?;
        check::quantity(&at("quantity"), item.quantity)?;
        if item.price < 0 {
            return Err(ContractError::field(at("price"), format!("must not be negative, is {}", item.price)));
        }
        if !seen.insert(&item.sku) {
            return Err(ContractError::field(at("sku"), format!("{} stands twice; add up the quantities", item.sku)));
        }
    }
    Ok(())
}

/// Checks that `total` is what the items add up to.
pub fn validate_total(items: &[Item], total: i64, path: &str) -> Result<(), ContractError> {
    check::amount(path, total)?;
    match total_amount(items) {
        Some(sum) if sum == total => Ok(()),
        Some(sum) => Err(ContractError::field(path, format!("is {total}, but the items add up to {sum}"))),
        None => Err(ContractError::field(path, "the items add up to more than fits")),
    }
}

//! Where an order goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ContractError, check, schema};

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    #[schemars(schema_with = "schema::text::<200>")]
    pub name: String,
    #[schemars(schema_with = "schema::text::<200>")]
    pub line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_text::<200>")]
    pub line2: Option<String>,
    #[schemars(schema_with = "schema::text::<20>")]
    pub postal_code: String,
    #[schemars(schema_with = "schema::text::<100>")]
    pub city: String,
    /// ISO 3166-1 alpha-2.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    pub country: String,
}

impl Address {
    /// What an order's address is sealed for: it opens nowhere else.
    pub fn place(order_id: impl std::fmt::Display) -> String {
        format!("shippingAddress of {order_id}")
    }

    /// `path` is the address's place.
    pub fn validate(&self, path: &str) -> Result<(), ContractError> {
        check::text(&format!("{path}.name"), &self.name, 200)?;
        check::text(&format!("{path}.line1"), &self.line1, 200)?;
        if let Some(line2) = &self.line2 {
            check::text(&format!("{path}.line2"), line2, 200)?;
        }
        check::text(&format!("{path}.postalCode"), &self.postal_code, 20)?;
        check::text(&format!("{path}.city"), &self.city, 100)?;
        if self.country.len() == 2 && self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(())
        } else {
            Err(ContractError::field(format!("{path}.country"), "must be two upper-case letters such as AT"))
        }
    }
}

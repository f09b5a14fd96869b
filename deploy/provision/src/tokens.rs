//! Tokens for many customers at once: a program that acts for them needs no key that could sign for any other.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{Result, token::Issuer};

/// What the file is called.
pub const FILE: &str = "tokens.json";

/// The tokens of customers by their names, and of a clerk, who may set stock. Debug output is without them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tokens {
    pub clerk: String,
    pub customers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tokens of a clerk and {} customers", self.customers.len())
    }
}

impl Tokens {
    /// Signs them.
    ///
    /// # Errors
    /// [`crate::Error::Token`] when the key is none.
    pub fn issue(issuer: &Issuer, customers: u32, lifetime: TimeDelta) -> Result<Self> {
        let clerk = issuer.token("clerk", vec!["back-office".into()], lifetime)?;
        let customer = |number| {
            let user = format!("customer-{number}");
            Ok((user.clone(), issuer.token(&user, Vec::new(), lifetime)?))
        };
        Ok(Self { clerk, customers: (0..customers).map(customer).collect::<Result<_>>()? })
    }

    /// As the file holds them.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

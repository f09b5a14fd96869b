//! What the payment provider is asked for.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    body::Checked,
    text::{unfit, unfit_amount, unfit_currency},
};

/// Body of `POST /v1/charges`. A missing field reads as its empty value, so that the check can name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeRequest {
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) order_id: String,
    #[serde(default)]
    #[schema(required, minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub(crate) amount: i64,
    #[serde(default)]
    #[schema(required, pattern = "^[A-Z]{3}$")]
    pub(crate) currency: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub(crate) payment_method: Option<String>,
}

/// Body of `POST /v1/refunds`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundRequest {
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) order_id: String,
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) charge_id: String,
    #[serde(default)]
    #[schema(required, minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub(crate) amount: i64,
    #[serde(default)]
    #[schema(required, pattern = "^[A-Z]{3}$")]
    pub(crate) currency: String,
}

impl Checked for ChargeRequest {
    fn check(&self) -> Result<(), (String, &'static str)> {
        first([
            ("orderId", unfit(&self.order_id)),
            ("amount", unfit_amount(self.amount)),
            ("currency", unfit_currency(&self.currency)),
            ("paymentMethod", self.payment_method.as_deref().and_then(unfit)),
        ])
    }
}

impl Checked for RefundRequest {
    fn check(&self) -> Result<(), (String, &'static str)> {
        first([
            ("orderId", unfit(&self.order_id)),
            ("chargeId", unfit(&self.charge_id)),
            ("amount", unfit_amount(self.amount)),
            ("currency", unfit_currency(&self.currency)),
        ])
    }
}

fn first<const N: usize>(fields: [(&str, Option<&'static str>); N]) -> Result<(), (String, &'static str)> {
    match fields.into_iter().find_map(|(field, why)| why.map(|why| (field.to_owned(), why))) {
        Some(wrong) => Err(wrong),
        None => Ok(()),
    }
}

//! What the provider is asked for.

use choreography::{Call, Refusal};
use serde::{Deserialize, Serialize};

use crate::payment_row::PaymentRow;

/// The money is taken; or, once nothing is to be charged any more, its key is cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    pub amount: i64,
    pub currency: String,
    pub payment_method: Option<String>,
    /// Nothing is to be charged any more: the key is cancelled, and answers what it has come to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
}

impl Call for Charge {
    const STEP: &'static str = "charge";
}

/// The money of a charge goes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    pub charge_id: String,
    pub amount: i64,
    pub currency: String,
}

impl Call for Refund {
    const STEP: &'static str = "refund";
}

impl Charge {
    /// The charge is called off: from now on its call sees to it that its key never charges, instead of charging.
    pub(crate) fn cancelled(payment: &PaymentRow) -> Result<Self, Refusal> {
        let paid = payment.paid()?;
        Ok(Self { amount: paid.amount, currency: paid.currency.clone(), payment_method: None, cancel: true })
    }
}

impl Refund {
    /// All of it goes back.
    pub(crate) fn whole(payment: &PaymentRow) -> Result<Self, Refusal> {
        let charge_id = payment.charge_id.clone();
        let charge_id =
            charge_id.ok_or_else(|| Refusal::Permanent(format!("it was captured without a charge id: {payment:?}")))?;
        let paid = payment.paid()?;
        Ok(Self { charge_id, amount: paid.amount, currency: paid.currency.clone() })
    }
}

/// The key under which the provider knows the call of an order.
pub(crate) fn key<C: Call>(order: &str) -> String {
    format!("{order}/{}", C::STEP)
}

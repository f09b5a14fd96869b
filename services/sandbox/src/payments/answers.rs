//! What the payment provider answers.

use serde::Serialize;
use utoipa::ToSchema;

/// A charge's final answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = ChargeAnswer)]
pub(crate) enum ChargeAnswer {
    #[serde(rename_all = "camelCase")]
    Succeeded {
        charge_id: String,
    },
    Declined {
        reason: String,
    },
    Cancelled,
}

/// A refund's final answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = RefundAnswer)]
pub(crate) enum RefundAnswer {
    #[serde(rename_all = "camelCase")]
    Succeeded {
        refund_id: String,
    },
    Declined {
        reason: String,
    },
}

/// What the provider's calls are answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Charge(ChargeAnswer),
    Refund(RefundAnswer),
}

use serde::Serialize;

/// A charge's final answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(crate) enum ChargeAnswer {
    Succeeded { charge_id: String },
    Declined { reason: String },
    Cancelled,
}

/// A refund's final answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(crate) enum RefundAnswer {
    Succeeded { refund_id: String },
    Declined { reason: String },
}

/// What the provider's calls are answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Charge(ChargeAnswer),
    Refund(RefundAnswer),
}

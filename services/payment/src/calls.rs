//! What the provider is asked for.

use choreography::{Answer, Call, Refusal};
use providers::{Reads, Request};
use serde::{Deserialize, Serialize};

use crate::payment_row::PaymentRow;

/// The money is taken; or, once nothing is to be charged any more, its key is cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    pub amount: i64,
    pub currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// Nothing is to be charged any more: the key is cancelled at the provider, which answers what became of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel: bool,
}

impl Call for Charge {
    const STEP: &'static str = "charge";

    type Request = Self;
    type Answer = Charged;
}

impl Request for Charge {
    const PATH: &'static str = "charges";
    const READS: Reads = Reads::new("succeeded", "chargeId", "declined").or_cancelled("cancelled");

    fn is_cancelled(&self) -> bool {
        self.cancel
    }
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

    type Request = Self;
    type Answer = Refunded;
}

impl Request for Refund {
    const PATH: &'static str = "refunds";
    const READS: Reads = Reads::new("succeeded", "refundId", "declined");
    const INSISTS: bool = true;
}

/// What the provider says to a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    Yes { charge_id: String },
    No { reason: String },
}

impl From<Answer> for Charged {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes { detail } => Self::Yes { charge_id: detail },
            Answer::No { reason } => Self::No { reason },
        }
    }
}

/// What the provider says to a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    Yes { refund_id: String },
    No { reason: String },
}

impl From<Answer> for Refunded {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes { detail } => Self::Yes { refund_id: detail },
            Answer::No { reason } => Self::No { reason },
        }
    }
}

impl Charge {
    /// The charge is called off: from now on its call cancels the key, so that it never charges, instead of charging.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use providers::{HttpProvider, KeyedProvider};

    use super::*;

    async fn provider(answer: &'static str) -> (HttpProvider, noting_server::Asked) {
        let (url, asked) = noting_server::start(answer).await;
        (HttpProvider::new(&url, None, Duration::from_secs(60)).unwrap(), asked)
    }

    fn charge() -> Charge {
        Charge { amount: 200, currency: "EUR".into(), payment_method: Some("tok_visa".into()), cancel: false }
    }

    #[tokio::test]
    async fn charges_are_made_found_and_cancelled_under_their_key() {
        let (provider, asked) = provider(r#"{"status":"succeeded","chargeId":"ch_1"}"#).await;
        let yes = Answer::Yes { detail: "ch_1".into() };
        assert_eq!(provider.send("o/charge", "o", &charge()).await, Ok(yes.clone()));
        assert_eq!(provider.find::<Charge>("o/charge").await, Ok(Some(yes.clone())));
        assert_eq!(provider.cancel::<Charge>("o/charge").await, Ok(yes));
        let body = r#"{"orderId":"o","amount":200,"currency":"EUR","paymentMethod":"tok_visa"}"#;
        let expected = [
            format!("POST /v1/charges o/charge {body}"),
            "GET /v1/charges/o%2Fcharge -".to_owned(),
            "POST /v1/charges/o%2Fcharge/cancel -".to_owned(),
        ];
        assert_eq!(asked.lines(), expected);
    }

    #[tokio::test]
    async fn refunds_are_made_and_found_under_their_key() {
        let (provider, asked) = provider(r#"{"status":"succeeded","refundId":"re_1"}"#).await;
        let refund = Refund { charge_id: "ch_1".into(), amount: 200, currency: "EUR".into() };
        let yes = Answer::Yes { detail: "re_1".into() };
        assert_eq!(provider.send("o/refund", "o", &refund).await, Ok(yes.clone()));
        assert_eq!(provider.find::<Refund>("o/refund").await, Ok(Some(yes)));
        let body = r#"{"orderId":"o","chargeId":"ch_1","amount":200,"currency":"EUR"}"#;
        let expected = [format!("POST /v1/refunds o/refund {body}"), "GET /v1/refunds/o%2Frefund -".to_owned()];
        assert_eq!(asked.lines(), expected);
        assert_eq!((Refund::INSISTS, Charge::INSISTS), (true, false), "an undo is tried for ever");
    }

    #[tokio::test]
    async fn what_is_declined_or_cancelled_is_a_no() {
        let no = |reason: &str| Ok(Answer::No { reason: reason.into() });
        let (provider, _) = provider(r#"{"status":"declined","reason":"no funds"}"#).await;
        assert_eq!(provider.send("k", "o", &charge()).await, no("no funds"));
        let refund = Refund { charge_id: "ch_1".into(), amount: 200, currency: "EUR".into() };
        assert_eq!(provider.send("k", "o", &refund).await, no("no funds"));
        let (provider, _) = self::provider(r#"{"status":"cancelled"}"#).await;
        assert_eq!(provider.find::<Charge>("k").await, no("it was cancelled at the provider").map(Some));
    }

    #[test]
    fn a_charge_that_is_called_off_is_cancelled_and_one_from_before_that_is_read_as_it_was_meant() {
        assert!(Charge { cancel: true, ..charge() }.is_cancelled() && !charge().is_cancelled());
        let old = r#"{"amount":200,"currency":"EUR","paymentMethod":null}"#;
        let read: Charge = serde_json::from_str(old).unwrap();
        assert_eq!(read, Charge { payment_method: None, ..charge() });
    }
}

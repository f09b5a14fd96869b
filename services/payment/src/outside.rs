//! The calls that payment intends, made at a provider.

use choreography::{Answer, Call, Intent, NoAnswer, Outside};
use chrono::TimeDelta;
use shop::outside::ask_then_send;

use crate::{
    calls::{Charge, Refund},
    provider::{ChargeAnswer, ChargeRequest, Provider, RefundAnswer, RefundRequest},
};

/// Payment's way to its provider.
pub struct ProviderCalls<P> {
    provider: P,
    resend_within: TimeDelta,
}

impl<P: Provider> ProviderCalls<P> {
    /// `resend_within`: how old a call may be to be sent again.
    pub fn new(provider: P, resend_within: TimeDelta) -> Self {
        Self { provider, resend_within }
    }

    async fn charge(&self, intent: &Intent, age: TimeDelta) -> Result<Answer, NoAnswer> {
        let key = intent.idempotency_key();
        let Charge { amount, currency, payment_method, cancel } = read(intent)?;
        let request = ChargeRequest { order_id: intent.aggregate_id.clone(), amount, currency, payment_method };
        let find = self.provider.find_charge(&key);
        // What holds for a charge holds for calling it off: past the key's lifetime the provider may have forgotten that it
        // charged, and would say that it never will.
        let send = async {
            if cancel { self.provider.cancel_charge(&key).await } else { self.provider.charge(&key, &request).await }
        };
        Ok(match ask_then_send(intent, age, self.resend_within, find, send).await? {
            ChargeAnswer::Succeeded { charge_id } => Answer::Yes { detail: charge_id },
            ChargeAnswer::Declined { reason } => Answer::No { reason },
            ChargeAnswer::Cancelled => Answer::No { reason: "the charge was cancelled at the provider".into() },
        })
    }

    async fn refund(&self, intent: &Intent, age: TimeDelta) -> Result<Answer, NoAnswer> {
        let key = intent.idempotency_key();
        let Refund { charge_id, amount, currency } = read(intent)?;
        let request = RefundRequest { order_id: intent.aggregate_id.clone(), charge_id, amount, currency };
        // An undo is tried for ever, so a refusal that is found is not the last word: it is sent again, and under its
        // one key it can't be paid twice.
        let find = async {
            let found = self.provider.find_refund(&key).await?;
            Ok(found.filter(|answer| matches!(answer, RefundAnswer::Succeeded { .. })))
        };
        let send = self.provider.refund(&key, &request);
        Ok(match ask_then_send(intent, age, self.resend_within, find, send).await? {
            RefundAnswer::Succeeded { refund_id } => Answer::Yes { detail: refund_id },
            RefundAnswer::Declined { reason } => Answer::No { reason },
        })
    }
}

impl<P: Provider> Outside for ProviderCalls<P> {
    async fn call(&self, intent: &Intent, age: TimeDelta) -> Result<Answer, NoAnswer> {
        match intent.step.as_str() {
            Charge::STEP => self.charge(intent, age).await,
            Refund::STEP => self.refund(intent, age).await,
            other => Err(NoAnswer::Wrong(format!("payment knows no call {other:?}"))),
        }
    }
}

fn read<C: Call>(intent: &Intent) -> Result<C, NoAnswer> {
    serde_json::from_str(&intent.request)
        .map_err(|error| NoAnswer::Wrong(format!("the request of {} can't be read: {error}", intent.idempotency_key())))
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;

//! The calls that payment intends, made at a provider.

use std::time::Duration;

use chrono::Utc;
use engine::{
    intents::{NoAnswer, Outside},
    participant::Answer,
    store::Intent,
};
use serde::de::DeserializeOwned;
use shop::outside::ask_then_send;

use crate::{
    participant::{CHARGE, ChargeIntent, REFUND, RefundIntent},
    provider::{ChargeAnswer, ChargeRequest, Provider, RefundAnswer, RefundRequest},
};

/// Payment's way to its provider.
pub struct ProviderCalls<P> {
    provider: P,
    key_lifetime: Duration,
}

impl<P: Provider> ProviderCalls<P> {
    /// `key_lifetime`: how long the provider recognises a key.
    pub fn new(provider: P, key_lifetime: Duration) -> Self {
        Self { provider, key_lifetime }
    }

    async fn charge(&self, intent: &Intent) -> Result<Answer, NoAnswer> {
        let key = intent.idempotency_key();
        let ChargeIntent { amount, currency, payment_method } = read(intent)?;
        let request = ChargeRequest { order_id: intent.aggregate_id.clone(), amount, currency, payment_method };
        let (find, send) = (self.provider.find_charge(&key), self.provider.charge(&key, &request));
        Ok(match ask_then_send(intent, self.key_lifetime, Utc::now(), find, send).await? {
            ChargeAnswer::Succeeded { charge_id } => Answer::Yes { detail: charge_id },
            ChargeAnswer::Declined { reason } => Answer::No { reason },
            ChargeAnswer::Cancelled => Answer::No { reason: "the charge was cancelled at the provider".into() },
        })
    }

    async fn refund(&self, intent: &Intent) -> Result<Answer, NoAnswer> {
        let key = intent.idempotency_key();
        let RefundIntent { charge_id, amount, currency } = read(intent)?;
        let request = RefundRequest { order_id: intent.aggregate_id.clone(), charge_id, amount, currency };
        // An undo is tried for ever, so a refusal that is found is not the last word: it is sent again, and under its
        // one key it can't be paid twice.
        let find = async {
            let found = self.provider.find_refund(&key).await?;
            Ok(found.filter(|answer| matches!(answer, RefundAnswer::Succeeded { .. })))
        };
        let send = self.provider.refund(&key, &request);
        Ok(match ask_then_send(intent, self.key_lifetime, Utc::now(), find, send).await? {
            RefundAnswer::Succeeded { refund_id } => Answer::Yes { detail: refund_id },
            RefundAnswer::Declined { reason } => Answer::No { reason },
        })
    }
}

impl<P: Provider> Outside for ProviderCalls<P> {
    async fn call(&self, intent: &Intent) -> Result<Answer, NoAnswer> {
        match intent.step.as_str() {
            CHARGE => self.charge(intent).await,
            REFUND => self.refund(intent).await,
            other => Err(NoAnswer::Wrong(format!("payment knows no call {other:?}"))),
        }
    }
}

fn read<T: DeserializeOwned>(intent: &Intent) -> Result<T, NoAnswer> {
    serde_json::from_str(&intent.request)
        .map_err(|error| NoAnswer::Wrong(format!("the request of {} can't be read: {error}", intent.idempotency_key())))
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;

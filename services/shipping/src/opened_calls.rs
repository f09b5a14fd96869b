//! Calls of the carrier whose address is opened at the last moment: the call's row keeps it sealed.

use choreography::{Answer, Call, CallError, PendingCall, Provider};
use choreography_keys::{HeldKeys, Openable, Sealed};
use chrono::TimeDelta;

use crate::shipment::Ship;

/// Calls, with the keys to what is sealed in them.
pub struct OpenedCalls<P> {
    calls: P,
    keys: HeldKeys,
}

impl<P: Provider> OpenedCalls<P> {
    /// Opens what is sealed before it hands a call to `calls`.
    pub fn new(calls: P, keys: HeldKeys) -> Self {
        Self { calls, keys }
    }

    /// `None`: nothing is sealed in it.
    async fn opened(&self, call: &PendingCall) -> Result<Option<PendingCall>, CallError> {
        if call.step != Ship::STEP {
            return Ok(None);
        }
        let wrong = |error: &dyn std::fmt::Display| CallError::Wrong(format!("{}: {error}", call.idempotency_key()));
        let mut ship: Ship = serde_json::from_str(&call.request).map_err(|error| wrong(&error))?;
        let Some(text) = ship.sealed_address.take() else { return Ok(None) };
        let sealed = Sealed::parse(&text).map_err(|error| wrong(&error))?;
        let held =
            self.keys.find(&sealed.key.subject).await.map_err(|error| CallError::InProgress(error.to_string()))?;
        let key = match held.opens(&sealed) {
            Openable::With(key) => key,
            // It was there when the call was written down, so it comes again: this replica's database was restored, say.
            Openable::NotYet => return Err(CallError::InProgress("the key to the address has not come yet".into())),
            // Whether the carrier was asked before nobody can say for sure, so it is no no.
            Openable::NeverAgain => {
                return Err(wrong(
                    &"the key to the address was erased while the call was open: look it up at the carrier, \
                                   then settle it by hand",
                ));
            }
        };
        ship.address =
            Some(shop::sealed_address::open(&sealed, key, &call.aggregate_id).map_err(|error| wrong(&error))?);
        let request = serde_json::to_string(&ship).map_err(|error| wrong(&error))?;
        Ok(Some(PendingCall { request, ..call.clone() }))
    }
}

impl<P: Provider> Provider for OpenedCalls<P> {
    async fn call(&self, call: &PendingCall, age: TimeDelta) -> Result<Answer, CallError> {
        let opened = self.opened(call).await?;
        self.calls.call(opened.as_ref().unwrap_or(call), age).await
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        self.calls.steps()
    }
}

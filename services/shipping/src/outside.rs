//! The call that shipping intends, made at a carrier.

use choreography::{Answer, Call, Intent, NoAnswer, Outside};
use chrono::TimeDelta;
use shop::outside::ask_then_send;

use crate::{
    carrier::{Carrier, ShipmentAnswer, ShipmentItem, ShipmentRequest},
    shipment::Ship,
};

/// Shipping's way to its carrier.
pub struct CarrierCalls<C> {
    carrier: C,
    resend_within: TimeDelta,
}

impl<C: Carrier> CarrierCalls<C> {
    /// `resend_within`: how old a call may be to be sent again.
    pub fn new(carrier: C, resend_within: TimeDelta) -> Self {
        Self { carrier, resend_within }
    }
}

impl<C: Carrier> Outside for CarrierCalls<C> {
    async fn call(&self, intent: &Intent, age: TimeDelta) -> Result<Answer, NoAnswer> {
        if intent.step != Ship::STEP {
            return Err(NoAnswer::Wrong(format!("shipping knows no call {:?}", intent.step)));
        }
        let key = intent.idempotency_key();
        let request =
            request(intent).map_err(|error| NoAnswer::Wrong(format!("the request of {key} can't be read: {error}")))?;
        let (find, send) = (self.carrier.find_shipment(&key), self.carrier.ship(&key, &request));
        Ok(match ask_then_send(intent, age, self.resend_within, find, send).await? {
            ShipmentAnswer::Accepted { tracking_number } => Answer::Yes { detail: tracking_number },
            ShipmentAnswer::Refused { reason } => Answer::No { reason },
        })
    }
}

fn request(intent: &Intent) -> serde_json::Result<ShipmentRequest> {
    let Ship { items, address } = serde_json::from_str(&intent.request)?;
    let address = address.map(serde_json::to_value).transpose()?;
    Ok(ShipmentRequest {
        order_id: intent.aggregate_id.clone(),
        items: items
            .into_iter()
            .map(|item| ShipmentItem { sku: item.sku, quantity: i64::from(item.quantity) })
            .collect(),
        address: address.and_then(|address| address.as_object().cloned()),
    })
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;

//! What a provider is asked for, and how its answers read, by the contract in the sandbox's README.

use choreography::{Answer, Call};
use providers::{Reads, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

macro_rules! requests {
    ($($request:ident is $step:literal to $path:literal, $reads:expr;)*) => {
        $(impl Call for $request {
            const STEP: &'static str = $step;

            type Request = Self;
            type Answer = Answer;
        }

        impl Request for $request {
            const PATH: &'static str = $path;
            const READS: Reads = $reads;
        })*
    };
}

requests! {
    Charge is "charge" to "charges", Reads::new("succeeded", "chargeId", "declined").or_cancelled("cancelled");
    Refund is "refund" to "refunds", Reads::new("succeeded", "refundId", "declined");
    Ship is "ship" to "shipments", Reads::new("accepted", "trackingNumber", "refused");
    Message is "tell" to "messages", Reads::new("sent", "messageId", "refused");
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    amount: i64,
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
}

pub fn charge(amount: i64, method: &str) -> Charge {
    Charge { amount, currency: "EUR".into(), payment_method: Some(method.to_owned()) }
}

/// What the charge of a key that was cancelled comes to.
pub fn cancelled() -> Answer {
    Answer::No { reason: "it was cancelled at the provider".into() }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    charge_id: String,
    amount: i64,
    currency: String,
}

pub fn refund(charge_id: &str, amount: i64) -> Refund {
    Refund { charge_id: charge_id.to_owned(), amount, currency: "EUR".into() }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Ship {
    items: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Value>,
}

pub fn parcel(city: Option<&str>) -> Ship {
    let address = city.map(|city| json!({"street": "Gasse 1", "city": city}));
    Ship { items: json!([{"sku": "chair", "quantity": 2}]), address }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    user_id: String,
    text: String,
}

pub fn message_to(user: &str) -> Message {
    Message { user_id: user.to_owned(), text: "hello".into() }
}

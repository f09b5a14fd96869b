//! What shipping remembers of an order, and what the carrier is asked for.

use choreography::{Answer, Call, table, words};
use contracts::Address;
use providers::{Reads, Request};
use serde::{Deserialize, Serialize};

/// The shipment of an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shipment {
    pub state: State,
    /// The carrier's name for it.
    pub tracking_number: Option<String>,
}

table!(Shipment in shipments by order_id: state, tracking_number);

words! {
    pub enum State {
        #[default]
        None = "none",
        /// The carrier was asked: from here on a cancellation is too late, whatever the answer.
        Dispatching = "dispatching",
        Dispatched = "dispatched",
        Failed = "failed",
        /// A tombstone: nothing leaves the warehouse for this order, ever.
        Cancelled = "cancelled",
    }
}

/// The carrier takes the parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ship {
    pub items: Vec<ShipItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// As it came: it is opened when the call is made, and kept nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_address: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShipItem {
    pub sku: String,
    pub quantity: u32,
}

impl Call for Ship {
    const STEP: &'static str = "ship";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Ship {
    const PATH: &'static str = "shipments";
    const READS: Reads = Reads::new("accepted", "trackingNumber", "refused");
    const CONFIDENTIAL: bool = true;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use providers::{HttpProvider, KeyedProvider};

    use super::*;

    async fn carrier(answer: &'static str) -> (HttpProvider, noting_server::Asked) {
        let (url, asked) = noting_server::start(answer).await;
        (HttpProvider::new(&url, None, Duration::from_secs(60)).unwrap(), asked)
    }

    fn parcel(address: Option<Address>) -> Ship {
        Ship { items: vec![ShipItem { sku: "chair".into(), quantity: 2 }], address, sealed_address: None }
    }

    #[tokio::test]
    async fn parcels_are_handed_over_and_found_under_their_key() {
        let (carrier, asked) = carrier(r#"{"status":"accepted","trackingNumber":"T1"}"#).await;
        let accepted = Answer::Yes { detail: "T1".into() };
        let address = r#"{"name":"Ada","line1":"1 Road","postalCode":"8010","city":"Graz","country":"AT"}"#;
        let to_graz = parcel(Some(serde_json::from_str(address).unwrap()));
        assert_eq!(carrier.send("o/ship", "o", &parcel(None)).await, Ok(accepted.clone()));
        assert_eq!(carrier.send("p/ship", "p", &to_graz).await, Ok(accepted.clone()));
        assert_eq!(carrier.find::<Ship>("o/ship").await, Ok(Some(accepted)));
        let items = r#""items":[{"sku":"chair","quantity":2}]"#;
        let expected = [
            format!(r#"POST /v1/shipments o/ship {{"orderId":"o",{items}}}"#),
            format!(r#"POST /v1/shipments p/ship {{"orderId":"p",{items},"address":{address}}}"#),
            "GET /v1/shipments/o%2Fship -".to_owned(),
        ];
        assert_eq!(asked.lines(), expected);
    }

    #[tokio::test]
    async fn a_refused_parcel_is_a_no_also_when_it_is_asked_about() {
        let (carrier, _) = carrier(r#"{"status":"refused","reason":"not served"}"#).await;
        let no = Answer::No { reason: "not served".into() };
        assert_eq!(carrier.send("k", "o", &parcel(None)).await, Ok(no.clone()));
        assert_eq!(carrier.find::<Ship>("k").await, Ok(Some(no)));
    }

    #[test]
    fn a_parcel_that_was_asked_for_by_an_earlier_version_is_read() {
        let old = r#"{"items":[{"sku":"chair","quantity":2}],"address":null}"#;
        assert_eq!(serde_json::from_str::<Ship>(old).unwrap(), parcel(None));
    }
}

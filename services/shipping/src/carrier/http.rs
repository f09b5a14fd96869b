use std::time::Duration;

use choreography::secret::LiveSecret;
use rest_client::{Limits, RestClient};

use super::{Carrier, NoAnswer, SetupError, ShipmentAnswer, ShipmentRequest};

/// A carrier that speaks the contract of `services/sandbox/README.md` over HTTP.
#[derive(Clone, Debug)]
pub struct HttpCarrier {
    client: RestClient,
}

impl HttpCarrier {
    /// `timeout` bounds each call as a whole; `token` is sent as a bearer.
    pub fn new(base_url: &str, token: Option<LiveSecret>, timeout: Duration) -> Result<Self, SetupError> {
        let client = RestClient::new(base_url, token.map(|token| token.receiver()), Limits::within(timeout))?;
        Ok(HttpCarrier { client })
    }
}

impl Carrier for HttpCarrier {
    async fn ship(&self, key: &str, request: &ShipmentRequest) -> Result<ShipmentAnswer, NoAnswer> {
        self.client.post(&["v1", "shipments"], key, request).await
    }

    async fn find_shipment(&self, key: &str) -> Result<Option<ShipmentAnswer>, NoAnswer> {
        self.client.get(&["v1", "shipments", key]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::ShipmentItem;

    #[tokio::test]
    async fn parcels_are_handed_over_and_found_under_their_key() {
        let (url, asked) = noting_server::start(r#"{"status":"accepted","trackingNumber":"T1"}"#).await;
        let carrier = super::super::sandbox(&url, Duration::from_secs(10)).unwrap();
        let items = vec![ShipmentItem { sku: "chair".into(), quantity: 2 }];
        let request = ShipmentRequest { order_id: "o".into(), items, address: None };
        let accepted = ShipmentAnswer::Accepted { tracking_number: "T1".into() };
        assert_eq!(carrier.ship("o/ship", &request).await, Ok(accepted.clone()));
        assert_eq!(carrier.find_shipment("o/ship").await, Ok(Some(accepted)));
        let body = r#"{"orderId":"o","items":[{"sku":"chair","quantity":2}]}"#;
        let expected = [format!("POST /v1/shipments o/ship {body}"), "GET /v1/shipments/o%2Fship -".to_owned()];
        assert_eq!(asked.lines(), expected);
    }
}

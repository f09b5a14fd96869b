use std::time::Duration;

use engine::secret::LiveSecret;
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

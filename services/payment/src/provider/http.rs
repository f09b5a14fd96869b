use std::time::Duration;

use engine::secret::LiveSecret;
use rest_client::{Limits, RestClient};

use super::{ChargeAnswer, ChargeRequest, NoAnswer, Provider, RefundAnswer, RefundRequest, SetupError};

/// A provider that speaks the contract of `services/sandbox/README.md` over HTTP.
#[derive(Clone, Debug)]
pub struct HttpProvider {
    client: RestClient,
}

impl HttpProvider {
    /// `timeout` bounds each call as a whole; `token` is sent as a bearer.
    pub fn new(base_url: &str, token: Option<LiveSecret>, timeout: Duration) -> Result<Self, SetupError> {
        let client = RestClient::new(base_url, token.map(|token| token.receiver()), Limits::within(timeout))?;
        Ok(HttpProvider { client })
    }
}

impl Provider for HttpProvider {
    async fn charge(&self, key: &str, request: &ChargeRequest) -> Result<ChargeAnswer, NoAnswer> {
        self.client.post(&["v1", "charges"], key, request).await
    }

    async fn find_charge(&self, key: &str) -> Result<Option<ChargeAnswer>, NoAnswer> {
        self.client.get(&["v1", "charges", key]).await
    }

    async fn cancel_charge(&self, key: &str) -> Result<ChargeAnswer, NoAnswer> {
        self.client.post_empty(&["v1", "charges", key, "cancel"]).await
    }

    async fn refund(&self, key: &str, request: &RefundRequest) -> Result<RefundAnswer, NoAnswer> {
        self.client.post(&["v1", "refunds"], key, request).await
    }

    async fn find_refund(&self, key: &str) -> Result<Option<RefundAnswer>, NoAnswer> {
        self.client.get(&["v1", "refunds", key]).await
    }
}

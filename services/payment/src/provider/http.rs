use std::time::Duration;

use choreography::secret::LiveSecret;
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn charges_are_made_found_and_cancelled_under_their_key() {
        let (url, asked) = noting_server::start(r#"{"status":"succeeded","chargeId":"ch_1"}"#).await;
        let provider = HttpProvider::new(&url, None, SECOND * 10).unwrap();
        let payment_method = Some("tok_visa".to_owned());
        let request = ChargeRequest { order_id: "o".into(), amount: 200, currency: "EUR".into(), payment_method };
        let charged = ChargeAnswer::Succeeded { charge_id: "ch_1".into() };
        assert_eq!(provider.charge("o/charge", &request).await, Ok(charged.clone()));
        assert_eq!(provider.find_charge("o/charge").await, Ok(Some(charged.clone())));
        assert_eq!(provider.cancel_charge("o/charge").await, Ok(charged));
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
        let (url, asked) = noting_server::start(r#"{"status":"declined","reason":"no funds"}"#).await;
        let provider = super::super::sandbox(&url, SECOND * 10).unwrap();
        let (order_id, charge_id, currency) = ("o".into(), "ch_1".into(), "EUR".into());
        let request = RefundRequest { order_id, charge_id, amount: 200, currency };
        let declined = RefundAnswer::Declined { reason: "no funds".into() };
        assert_eq!(provider.refund("o/refund", &request).await, Ok(declined.clone()));
        assert_eq!(provider.find_refund("o/refund").await, Ok(Some(declined)));
        let body = r#"{"orderId":"o","chargeId":"ch_1","amount":200,"currency":"EUR"}"#;
        let expected = [format!("POST /v1/refunds o/refund {body}"), "GET /v1/refunds/o%2Frefund -".to_owned()];
        assert_eq!(asked.lines(), expected);
    }
}

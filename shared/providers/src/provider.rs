//! Providers, as the calls need them, and the one that speaks HTTP.

use std::{future::Future, time::Duration};

use choreography::{Answer, secret::LiveSecret};
use serde::Serialize;

use crate::{Limits, ProviderError, Request, RestClient, SetupError, request::Said};

/// A provider that takes each key once.
///
/// The same key with the same request has one effect and one answer, however often it is sent, for as long as the
/// provider keeps keys. [`ProviderError`] is neither yes nor no: find, repeat under the same key, or cancel by key.
pub trait KeyedProvider: Send + Sync + 'static {
    /// Sends a request about an order.
    fn send<R: Request>(
        &self,
        key: &str,
        order_id: &str,
        request: &R,
    ) -> impl Future<Output = Result<Answer, ProviderError>> + Send;

    /// What became of a request. `None`: the provider has not seen the key, *yet*: a stalled call may still arrive.
    fn find<R: Request>(&self, key: &str) -> impl Future<Output = Result<Option<Answer>, ProviderError>> + Send;

    /// Cancels the key: from now on it does nothing, or the answer is what became of it before.
    fn cancel<R: Request>(&self, key: &str) -> impl Future<Output = Result<Answer, ProviderError>> + Send;
}

/// A provider that speaks the contract of `services/sandbox/README.md` over HTTP. The sandbox does, so that what is tried
/// out is the client that ships.
#[derive(Clone, Debug)]
pub struct HttpProvider {
    client: RestClient,
}

impl HttpProvider {
    /// `timeout` bounds each call as a whole; `token` is sent as a bearer.
    ///
    /// # Errors
    /// The URL or the token can't be used.
    pub fn new(base_url: &str, token: Option<LiveSecret>, timeout: Duration) -> Result<Self, SetupError> {
        let client = RestClient::new(base_url, token.map(|token| token.receiver()), Limits::within(timeout))?;
        Ok(Self { client })
    }
}

/// The request's own fields stand beside the order's id.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a, R> {
    order_id: &'a str,
    #[serde(flatten)]
    request: &'a R,
}

impl KeyedProvider for HttpProvider {
    async fn send<R: Request>(&self, key: &str, order_id: &str, request: &R) -> Result<Answer, ProviderError> {
        let said: Said = self.client.post(&["v1", R::PATH], key, &Body { order_id, request }).await?;
        R::READS.read(said)
    }

    async fn find<R: Request>(&self, key: &str) -> Result<Option<Answer>, ProviderError> {
        let said: Option<Said> = self.client.get(&["v1", R::PATH, key]).await?;
        said.map(|said| R::READS.read(said)).transpose()
    }

    async fn cancel<R: Request>(&self, key: &str) -> Result<Answer, ProviderError> {
        let said: Said = self.client.post_empty(&["v1", R::PATH, key, "cancel"]).await?;
        R::READS.read(said)
    }
}

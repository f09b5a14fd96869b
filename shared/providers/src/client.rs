//! A client for one HTTP server: it posts under an idempotency key, and asks.

use reqwest::{
    Client, RequestBuilder, Url,
    header::{AUTHORIZATION, HeaderName},
};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use crate::{Limits, ProviderError, SetupError, response, setup};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Calls one server. Cheap to clone: clones share the connections.
#[derive(Clone, Debug)]
pub struct RestClient {
    http: Client,
    base: Url,
    token: Option<watch::Receiver<SecretString>>,
    body_bytes: usize,
}

impl RestClient {
    /// A client for the server at `base_url` (a path in it is kept as a prefix), which sends as a bearer what `token` is at
    /// the time of each call.
    pub fn new(
        base_url: &str,
        token: Option<watch::Receiver<SecretString>>,
        limits: Limits,
    ) -> Result<Self, SetupError> {
        let base = setup::base_url(base_url)?;
        if let Some(token) = &token {
            setup::bearer(&token.borrow()).map_err(|_| SetupError::Token { url: base.to_string() })?;
        }
        let http = setup::client(&base, &limits)?;
        Ok(RestClient { http, base, token, body_bytes: limits.body_bytes })
    }

    /// Posts `body` under an idempotency key.
    pub async fn post<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &[&str],
        key: &str,
        body: &B,
    ) -> Result<A, ProviderError> {
        self.answered(self.http.post(self.url(path)).header(IDEMPOTENCY_KEY, key).json(body)).await
    }

    /// Posts without a body to a path that names its subject itself.
    pub async fn post_empty<A: DeserializeOwned>(&self, path: &[&str]) -> Result<A, ProviderError> {
        self.answered(self.http.post(self.url(path))).await
    }

    /// Asks. `None` only where the server itself says that it does not know the key.
    pub async fn get<A: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<A>, ProviderError> {
        self.send(self.http.get(self.url(path))).await
    }

    async fn answered<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, ProviderError> {
        let unknown =
            || ProviderError::Refused { status: 404, message: "the server does not know what was posted to".into() };
        self.send(request).await?.ok_or_else(unknown)
    }

    async fn send<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Option<A>, ProviderError> {
        let request = match &self.token {
            Some(token) => {
                let bearer = setup::bearer(&token.borrow());
                let unfit =
                    |_| ProviderError::Unreachable("the token holds a character that no HTTP header may hold".into());
                request.header(AUTHORIZATION, bearer.map_err(unfit)?)
            }
            None => request,
        };
        let response = request.send().await.map_err(|e| response::broken(&e))?;
        response::answer(response, self.body_bytes).await
    }

    /// Each part is one segment: a slash within it is escaped.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

//! The settings of what stands in front of an API.

use std::{num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use axum::http::HeaderName;
use choreography::duration;
use clap::Args;
use tokio::sync::Semaphore;

use crate::{Freshness, Gate, KeyError, Keys, attempts::Attempts, rate::Rate};

/// Settings of what stands before a service's API.
#[derive(Args, Clone, Debug)]
pub struct ApiSettings {
    /// A file with the JSON Web Keys that callers' tokens are signed with. Without this and JWT_KEYS_URL the API is
    /// open to everyone who can reach it.
    #[arg(long, env, conflicts_with = "jwt_keys_url")]
    pub jwt_keys_file: Option<PathBuf>,
    /// Where these keys are fetched: an identity provider's jwks_uri.
    #[arg(long, env)]
    pub jwt_keys_url: Option<String>,
    /// How often the keys are read again, from their file or URL: a key that was withdrawn opens nothing after this
    /// time and a few seconds.
    #[arg(long, env, default_value = "1m", value_parser = duration)]
    pub jwt_keys_refresh: Duration,
    /// If the keys could not be read again for this long, no token is accepted any more.
    #[arg(long, env, default_value = "1h", value_parser = duration)]
    pub jwt_keys_max_age: Duration,
    /// The issuer (`iss`) that a token must have.
    #[arg(long, env, default_value = "choreography")]
    pub jwt_issuer: String,
    /// The audience (`aud`) that a token must have.
    #[arg(long, env, default_value = "shop")]
    pub jwt_audience: String,
    /// Requests a second that one caller may make: a token's subject, or an address. Without it there is no limit.
    #[arg(long, env)]
    pub rate_per_caller: Option<NonZeroU32>,
    /// Requests that a caller may make at once after a pause; by default twice RATE_PER_CALLER.
    #[arg(long, env, requires = "rate_per_caller")]
    pub rate_burst: Option<NonZeroU32>,
    /// Requests a second from one address (of IPv6: one /64 network) without a valid token, and twice as many after a
    /// pause; further ones are refused before their signature is checked. Tokens that were valid a moment ago are
    /// known, and not affected.
    #[arg(long, env, default_value = "20")]
    pub rate_unauthenticated: NonZeroU32,
    /// The header in which your proxy states where a request comes from, such as X-Real-IP or X-Forwarded-For (of which
    /// the last address counts). Set it only if all requests come through the proxy: the service believes the header.
    #[arg(long, env)]
    pub client_address_header: Option<HeaderName>,
    /// Most requests that are handled at once; further ones get 503 and may try again.
    #[arg(long, env, default_value = "4096")]
    pub api_concurrency: NonZeroU32,
}

impl ApiSettings {
    /// Reads the keys from their file; from a URL they come when they come. Both are looked at again from here on, by a task
    /// of the runtime that this is called in.
    pub fn gate(&self) -> Result<Gate, KeyError> {
        let (issuer, audience) = (self.jwt_issuer.as_str(), self.jwt_audience.as_str());
        let (refresh, max_age) = (self.jwt_keys_refresh, self.jwt_keys_max_age);
        let freshness = Freshness { refresh, max_age, ..Freshness::default() };
        let keys = match (&self.jwt_keys_file, &self.jwt_keys_url) {
            (Some(path), _) => Some(Keys::from_file(path, freshness, issuer, audience)?),
            (None, Some(url)) => Some(Keys::from_url(url, freshness, issuer, audience)?),
            (None, None) => None,
        };
        let keys = keys.map(Arc::new);
        keys.iter().for_each(Keys::keep_fresh);
        let rate =
            self.rate_per_caller.map(|rate| Rate::new(rate, self.rate_burst.unwrap_or(rate.saturating_mul(TWO))));
        let attempts = Attempts::new(self.rate_unauthenticated, self.rate_unauthenticated.saturating_mul(TWO));
        Ok(Gate {
            keys,
            rate: rate.map(Arc::new),
            attempts: Some(Arc::new(attempts)),
            address_header: self.client_address_header.clone(),
            places: Arc::new(Semaphore::new(self.api_concurrency.get() as usize)),
        })
    }
}

const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();

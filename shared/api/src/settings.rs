use std::{num::NonZeroU32, path::PathBuf, sync::Arc};

use clap::Args;
use tokio::sync::Semaphore;

use crate::{Gate, KeyProblem, Keys, rate::Rate};

/// Settings of what stands before a service's API.
#[derive(Args, Clone, Debug)]
pub struct ApiSettings {
    /// A file with the JSON Web Keys that callers' tokens are signed with. With neither this nor JWT_KEYS_URL the API is
    /// open to anybody who reaches it.
    #[arg(long, env, conflicts_with = "jwt_keys_url")]
    pub jwt_keys_file: Option<PathBuf>,
    /// Where these keys are fetched: an identity provider's jwks_uri.
    #[arg(long, env)]
    pub jwt_keys_url: Option<String>,
    /// Who must have issued a token.
    #[arg(long, env, default_value = "choreography")]
    pub jwt_issuer: String,
    /// For whom a token must be.
    #[arg(long, env, default_value = "shop")]
    pub jwt_audience: String,
    /// Requests a second that one caller may make: a token's subject, or an address; without it, as many as he likes.
    #[arg(long, env)]
    pub rate_per_caller: Option<NonZeroU32>,
    /// Requests that a caller may make at once after a pause; by default twice RATE_PER_CALLER.
    #[arg(long, env, requires = "rate_per_caller")]
    pub rate_burst: Option<NonZeroU32>,
    /// Requests that are handled at once; further ones are told to come again.
    #[arg(long, env, default_value = "4096")]
    pub api_concurrency: NonZeroU32,
}

impl ApiSettings {
    /// Reads the keys from their file; from a URL they come with the first token.
    pub fn gate(&self) -> Result<Gate, KeyProblem> {
        let (issuer, audience) = (self.jwt_issuer.as_str(), self.jwt_audience.as_str());
        let keys = match (&self.jwt_keys_file, &self.jwt_keys_url) {
            (Some(path), _) => Some(Keys::from_file(path, issuer, audience)?),
            (None, Some(url)) => Some(Keys::from_url(url, issuer, audience)?),
            (None, None) => None,
        };
        let rate =
            self.rate_per_caller.map(|rate| Rate::new(rate, self.rate_burst.unwrap_or(rate.saturating_mul(TWO))));
        let places = Semaphore::new(self.api_concurrency.get() as usize);
        Ok(Gate { keys: keys.map(Arc::new), rate: rate.map(Arc::new), places: Arc::new(places) })
    }
}

const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();

//! Payment's settings.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use engine::settings::EngineSettings;
use shop::setting::{duration, needed, secret};

use crate::provider::{HttpProvider, sandbox};

/// Takes the money for orders, and gives it back. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    /// Who holds the money.
    #[arg(long, env, default_value = "sandbox")]
    pub payment_provider: ProviderKind,
    /// The sandbox, for PAYMENT_PROVIDER=sandbox.
    #[arg(long, env, default_value = "http://127.0.0.1:7070")]
    pub sandbox_url: String,
    /// The provider's base URL, for PAYMENT_PROVIDER=http.
    #[arg(long, env)]
    pub payment_provider_url: Option<String>,
    /// The provider's bearer token.
    #[arg(long, env, hide_env_values = true)]
    pub payment_provider_token: Option<String>,
    /// A file with the provider's bearer token.
    #[arg(long, env)]
    pub payment_provider_token_file: Option<PathBuf>,
    /// Time limit of one request to the provider.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub provider_timeout: Duration,
    /// How long the provider recognises an idempotency key. Past it nothing is sent again.
    #[arg(long, env, default_value = "24h", value_parser = duration)]
    pub provider_key_lifetime: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProviderKind {
    /// The sandbox that comes with this project.
    Sandbox,
    /// Any provider that speaks the sandbox's REST contract.
    Http,
}

impl Settings {
    /// The provider; an error names the setting that is wrong.
    pub fn provider(&self) -> Result<HttpProvider, String> {
        match self.payment_provider {
            ProviderKind::Sandbox => {
                sandbox(&self.sandbox_url, self.provider_timeout).map_err(|error| format!("SANDBOX_URL: {error}"))
            }
            ProviderKind::Http => {
                let url = self.payment_provider_url.as_deref();
                let url = needed("PAYMENT_PROVIDER_URL", url, "PAYMENT_PROVIDER is http")?;
                let token = secret(
                    "PAYMENT_PROVIDER_TOKEN",
                    self.payment_provider_token.as_deref(),
                    self.payment_provider_token_file.as_deref(),
                )?;
                HttpProvider::new(url, token, self.provider_timeout)
                    .map_err(|error| format!("PAYMENT_PROVIDER_URL: {error}"))
            }
        }
    }
}

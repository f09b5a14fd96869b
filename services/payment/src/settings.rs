//! Payment's settings.

use std::{path::PathBuf, time::Duration};

use api::ApiSettings;
use choreography::{EngineSettings, secret};
use chrono::TimeDelta;
use clap::{Parser, ValueEnum};
use secrecy::SecretString;
use shop::setting::{duration, needed, request_timeout, resend_within};

use crate::provider::{HttpProvider, SetupError, sandbox};

/// Takes the money for orders, and gives it back. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    #[command(flatten)]
    pub api: ApiSettings,
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
    pub payment_provider_token: Option<SecretString>,
    /// A file with the provider's bearer token.
    #[arg(long, env)]
    pub payment_provider_token_file: Option<PathBuf>,
    /// Time limit of one request to the provider, at most half of CALL_TIMEOUT.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub provider_timeout: Duration,
    /// How long the provider recognises an idempotency key. Twice CALL_TIMEOUT and EVENT_SKEW before it is over
    /// nothing is sent again.
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
    /// How old a call may be to be sent again; an error names the setting that is wrong.
    pub fn resend_within(&self) -> Result<TimeDelta, String> {
        let (timeout, skew) = (self.engine.call_timeout, self.engine.event_skew);
        resend_within("PROVIDER_KEY_LIFETIME", self.provider_key_lifetime, timeout, skew)
    }

    /// The provider; an error names the setting that is wrong.
    pub fn provider(&self) -> Result<HttpProvider, String> {
        let timeout = request_timeout("PROVIDER_TIMEOUT", self.provider_timeout, self.engine.call_timeout)?;
        match self.payment_provider {
            ProviderKind::Sandbox => {
                sandbox(&self.sandbox_url, timeout).map_err(|error| format!("SANDBOX_URL: {error}"))
            }
            ProviderKind::Http => {
                let url = self.payment_provider_url.as_deref();
                let url = needed("PAYMENT_PROVIDER_URL", url, "PAYMENT_PROVIDER is http")?;
                let token = self.payment_provider_token.as_ref();
                let token = secret::live(
                    "PAYMENT_PROVIDER_TOKEN",
                    token,
                    self.payment_provider_token_file.as_deref(),
                    self.engine.secrets_poll_interval,
                )
                .map_err(|error| error.to_string())?;
                HttpProvider::new(url, token, timeout).map_err(|error| match error {
                    SetupError::Token { .. } => format!("PAYMENT_PROVIDER_TOKEN: {error}"),
                    _ => format!("PAYMENT_PROVIDER_URL: {error}"),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(arguments: &[&str]) -> String {
        let arguments = ["payment", "--database-url", "postgres://x"].iter().chain(arguments);
        let settings = Settings::try_parse_from(arguments).map_err(|error| error.to_string());
        settings
            .and_then(|settings| settings.provider().map(drop).and(settings.resend_within().map(drop)))
            .expect_err("it is accepted")
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_variables_name() {
        let http = ["--payment-provider", "http", "--payment-provider-url"];
        let with = |url, more: &[&'static str]| wrong(&[&http[..], &[url], more].concat());
        assert!(wrong(&["--payment-provider", "bank"]).contains("PAYMENT_PROVIDER"));
        assert!(wrong(&["--payment-provider", "http"]).starts_with("PAYMENT_PROVIDER_URL is needed"));
        assert!(wrong(&["--sandbox-url", "here"]).starts_with("SANDBOX_URL:"));
        assert!(wrong(&["--provider-timeout", "0s"]).contains("PROVIDER_TIMEOUT"));
        assert!(wrong(&["--provider-timeout", "4s"]).starts_with("PROVIDER_TIMEOUT:"));
        assert!(wrong(&["--provider-key-lifetime", "soon"]).contains("PROVIDER_KEY_LIFETIME"));
        assert!(wrong(&["--provider-key-lifetime", "10m"]).starts_with("PROVIDER_KEY_LIFETIME:"));
        assert!(with("ftp://bank", &[]).starts_with("PAYMENT_PROVIDER_URL:"));
        assert!(with("http://bank", &["--payment-provider-token", "a\nb"]).starts_with("PAYMENT_PROVIDER_TOKEN:"));
        assert!(
            with("http://bank", &["--payment-provider-token-file", "/no"]).starts_with("PAYMENT_PROVIDER_TOKEN_FILE:")
        );
    }

    #[test]
    fn a_call_is_sent_again_for_as_long_as_its_key_is_surely_known() {
        let given =
            ["payment", "--database-url", "postgres://x", "--provider-key-lifetime", "1h", "--event-skew", "5m"];
        let settings = Settings::try_parse_from(given).unwrap_or_else(|error| panic!("{error}"));
        // An hour without two calls of 5 s and the skew.
        assert_eq!(settings.resend_within(), Ok(TimeDelta::seconds(3_600 - 10 - 300)));
    }
}

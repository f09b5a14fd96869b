//! Shipping's settings.

use std::{path::PathBuf, time::Duration};

use api::ApiSettings;
use choreography::{EngineSettings, secret};
use chrono::TimeDelta;
use clap::{Parser, ValueEnum};
use secrecy::SecretString;
use shop::setting::{duration, needed, request_timeout, resend_within};

use crate::carrier::{HttpCarrier, SetupError, sandbox};

/// Hands paid orders to the carrier. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    #[command(flatten)]
    pub api: ApiSettings,
    /// Who takes the parcels.
    #[arg(long, env, default_value = "sandbox")]
    pub carrier: CarrierKind,
    /// The sandbox, for CARRIER=sandbox.
    #[arg(long, env, default_value = "http://127.0.0.1:7070")]
    pub sandbox_url: String,
    /// The carrier's base URL, for CARRIER=http.
    #[arg(long, env)]
    pub carrier_url: Option<String>,
    /// The carrier's bearer token.
    #[arg(long, env, hide_env_values = true)]
    pub carrier_token: Option<SecretString>,
    /// A file with the carrier's bearer token.
    #[arg(long, env)]
    pub carrier_token_file: Option<PathBuf>,
    /// Time limit of one request to the carrier, at most half of CALL_TIMEOUT.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub carrier_timeout: Duration,
    /// How long the carrier recognises an idempotency key. Twice CALL_TIMEOUT and EVENT_SKEW before it is over
    /// nothing is sent again.
    #[arg(long, env, default_value = "24h", value_parser = duration)]
    pub carrier_key_lifetime: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CarrierKind {
    /// The sandbox that comes with this project.
    Sandbox,
    /// Any carrier that speaks the sandbox's REST contract.
    Http,
}

impl Settings {
    /// How old a call may be to be sent again; an error names the setting that is wrong.
    pub fn resend_within(&self) -> Result<TimeDelta, String> {
        let (timeout, skew) = (self.engine.call_timeout, self.engine.event_skew);
        resend_within("CARRIER_KEY_LIFETIME", self.carrier_key_lifetime, timeout, skew)
    }

    /// The carrier; an error names the setting that is wrong.
    pub fn carrier(&self) -> Result<HttpCarrier, String> {
        let timeout = request_timeout("CARRIER_TIMEOUT", self.carrier_timeout, self.engine.call_timeout)?;
        match self.carrier {
            CarrierKind::Sandbox => {
                sandbox(&self.sandbox_url, timeout).map_err(|error| format!("SANDBOX_URL: {error}"))
            }
            CarrierKind::Http => {
                let url = needed("CARRIER_URL", self.carrier_url.as_deref(), "CARRIER is http")?;
                let file = self.carrier_token_file.as_deref();
                let token =
                    secret::live("CARRIER_TOKEN", self.carrier_token.as_ref(), file, self.engine.secrets_poll_interval)
                        .map_err(|error| error.to_string())?;
                HttpCarrier::new(url, token, timeout).map_err(|error| match error {
                    SetupError::Token { .. } => format!("CARRIER_TOKEN: {error}"),
                    _ => format!("CARRIER_URL: {error}"),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(arguments: &[&str]) -> String {
        let arguments = ["shipping", "--database-url", "postgres://x"].iter().chain(arguments);
        let settings = Settings::try_parse_from(arguments).map_err(|error| error.to_string());
        settings
            .and_then(|settings| settings.carrier().map(drop).and(settings.resend_within().map(drop)))
            .expect_err("it is accepted")
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_variables_name() {
        let http = ["--carrier", "http", "--carrier-url"];
        let with = |url, more: &[&'static str]| wrong(&[&http[..], &[url], more].concat());
        assert!(wrong(&["--carrier", "ship"]).contains("CARRIER"));
        assert!(wrong(&["--carrier", "http"]).starts_with("CARRIER_URL is needed"));
        assert!(wrong(&["--sandbox-url", "here"]).starts_with("SANDBOX_URL:"));
        assert!(wrong(&["--carrier-timeout", "0s"]).contains("CARRIER_TIMEOUT"));
        assert!(wrong(&["--carrier-timeout", "4s"]).starts_with("CARRIER_TIMEOUT:"));
        assert!(wrong(&["--carrier-key-lifetime", "soon"]).contains("CARRIER_KEY_LIFETIME"));
        assert!(wrong(&["--carrier-key-lifetime", "10m"]).starts_with("CARRIER_KEY_LIFETIME:"));
        assert!(with("ftp://post", &[]).starts_with("CARRIER_URL:"));
        assert!(with("http://post", &["--carrier-token", "a\nb"]).starts_with("CARRIER_TOKEN:"));
        assert!(with("http://post", &["--carrier-token-file", "/no"]).starts_with("CARRIER_TOKEN_FILE:"));
    }

    #[test]
    fn a_call_is_sent_again_for_as_long_as_its_key_is_surely_known() {
        let given =
            ["shipping", "--database-url", "postgres://x", "--carrier-key-lifetime", "1h", "--event-skew", "5m"];
        let settings = Settings::try_parse_from(given).unwrap_or_else(|error| panic!("{error}"));
        // An hour without two calls of 5 s and the skew.
        assert_eq!(settings.resend_within(), Ok(TimeDelta::seconds(3_600 - 10 - 300)));
    }
}

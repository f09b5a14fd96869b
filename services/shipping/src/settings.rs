//! Shipping's settings.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use engine::settings::EngineSettings;
use shop::setting::{duration, needed, secret};

use crate::carrier::{HttpCarrier, sandbox};

/// Hands paid orders to the carrier. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
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
    pub carrier_token: Option<String>,
    /// A file with the carrier's bearer token.
    #[arg(long, env)]
    pub carrier_token_file: Option<PathBuf>,
    /// Time limit of one request to the carrier.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub carrier_timeout: Duration,
    /// How long the carrier recognises an idempotency key. Past it nothing is sent again.
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
    /// The carrier; an error names the setting that is wrong.
    pub fn carrier(&self) -> Result<HttpCarrier, String> {
        match self.carrier {
            CarrierKind::Sandbox => {
                sandbox(&self.sandbox_url, self.carrier_timeout).map_err(|error| format!("SANDBOX_URL: {error}"))
            }
            CarrierKind::Http => {
                let url = needed("CARRIER_URL", self.carrier_url.as_deref(), "CARRIER is http")?;
                let file = self.carrier_token_file.as_deref();
                let token = secret("CARRIER_TOKEN", self.carrier_token.as_deref(), file)?;
                HttpCarrier::new(url, token, self.carrier_timeout).map_err(|error| format!("CARRIER_URL: {error}"))
            }
        }
    }
}

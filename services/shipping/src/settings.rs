//! Shipping's settings beside the engine's.

use api::ApiSettings;
use providers::{Provided, ProviderSettings};

use crate::Shipping;

#[derive(clap::Args)]
pub struct Settings {
    #[command(flatten)]
    pub api: ApiSettings,
    #[command(flatten)]
    pub carrier: ProviderSettings<Shipping>,
}

impl Provided for Shipping {
    const PROVIDER: &'static str = "the carrier";
    const PREFIX: &'static str = "CARRIER";
    const CHOICE: bool = true;
}

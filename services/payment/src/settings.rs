//! Payment's settings beside the engine's.

use api::ApiSettings;
use providers::{Provided, ProviderSettings};

use crate::Payment;

#[derive(clap::Args)]
pub struct Settings {
    #[command(flatten)]
    pub api: ApiSettings,
    #[command(flatten)]
    pub provider: ProviderSettings<Payment>,
}

impl Provided for Payment {
    const PROVIDER: &'static str = "the payment provider";
    const PREFIX: &'static str = "PAYMENT_PROVIDER";
    const LIMITS: &'static str = "PROVIDER";
    const CHOICE: bool = true;
}

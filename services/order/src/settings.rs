//! Order's settings.

use std::time::Duration;

use clap::Parser;
use engine::settings::EngineSettings;
use shop::setting::duration;

/// Takes orders, watches their deadline, and says how they end. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    /// How long an order may take before its cancellation is requested.
    #[arg(long, env, default_value = "15m", value_parser = duration)]
    pub order_deadline: Duration,
    /// How long a request is recognised by its Idempotency-Key.
    #[arg(long, env, default_value = "7d", value_parser = duration)]
    pub idempotency_retention: Duration,
}

//! Inventory's settings.

use api::ApiSettings;
use clap::Parser;
use engine::settings::EngineSettings;

/// Sets stock aside for orders, and gives it back. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    #[command(flatten)]
    pub api: ApiSettings,
}

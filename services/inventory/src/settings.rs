//! Inventory's settings.

use api::ApiSettings;
use choreography::EngineSettings;
use clap::Parser;

/// Sets stock aside for orders, and gives it back. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    #[command(flatten)]
    pub api: ApiSettings,
}

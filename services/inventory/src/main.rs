//! The inventory service.

use api::ApiSettings;
use clap::Parser;
use engine::{intents::Nobody, settings::EngineSettings};
use inventory::{Inventory, MIGRATIONS, http};

/// Sets stock aside for orders, and gives it back. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
struct Settings {
    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    api: ApiSettings,
}

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let gate = settings.api.gate()?;
    engine::service::run(settings.engine, Inventory, Nobody, &MIGRATIONS, |context| http::routes(context, gate)).await
}

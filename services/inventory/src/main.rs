//! The inventory service.

use clap::Parser;
use engine::{intents::Nobody, settings::EngineSettings};
use inventory::{Inventory, MIGRATIONS, http};

/// Sets stock aside for orders, and gives it back. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
struct Settings {
    #[command(flatten)]
    engine: EngineSettings,
}

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    engine::service::run(settings.engine, Inventory, Nobody, &MIGRATIONS, http::routes).await
}

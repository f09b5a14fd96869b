//! The inventory service.

use choreography::{Nobody, described};
use clap::Parser;
use inventory::{Inventory, MIGRATIONS, http, settings::Settings};

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if described::<Inventory, Settings>()? {
        return Ok(());
    }
    let settings = Settings::parse();
    let gate = settings.api.gate()?;
    choreography::run(settings.engine, Inventory, Nobody, &MIGRATIONS, |context| http::routes(context, gate)).await
}

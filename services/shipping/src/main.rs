//! The shipping service.

use choreography::described;
use clap::Parser;
use shipping::{MIGRATIONS, Shipping, http, outside::CarrierCalls, settings::Settings};

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if described::<Shipping, Settings>()? {
        return Ok(());
    }
    let settings = Settings::parse();
    let resend_within = settings.resend_within().map_err(anyhow::Error::msg)?;
    let calls = CarrierCalls::new(settings.carrier().map_err(anyhow::Error::msg)?, resend_within);
    let gate = settings.api.gate()?;
    choreography::run(settings.engine, Shipping, calls, &MIGRATIONS, |context| http::routes(context, gate)).await
}

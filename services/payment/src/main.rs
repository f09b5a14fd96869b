//! The payment service.

use choreography::described;
use clap::Parser;
use payment::{MIGRATIONS, Payment, http, outside::ProviderCalls, settings::Settings};

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if described::<Payment, Settings>()? {
        return Ok(());
    }
    let settings = Settings::parse();
    let resend_within = settings.resend_within().map_err(anyhow::Error::msg)?;
    let calls = ProviderCalls::new(settings.provider().map_err(anyhow::Error::msg)?, resend_within);
    let gate = settings.api.gate()?;
    choreography::run(settings.engine, Payment, calls, &MIGRATIONS, |context| http::routes(context, gate)).await
}

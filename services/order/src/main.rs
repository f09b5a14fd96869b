//! The order service.

use choreography::{Nobody, described};
use clap::Parser;
use order::{MIGRATIONS, Order, http, settings::Settings};

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if described::<Order, Settings>()? {
        return Ok(());
    }
    let settings = Settings::parse();
    let order = Order { deadline: settings.order_deadline };
    let gate = settings.api.gate()?;
    let retention = settings.idempotency_retention;
    choreography::run(settings.engine, order, Nobody, &MIGRATIONS, |context| http::routes(context, gate, retention))
        .await
}

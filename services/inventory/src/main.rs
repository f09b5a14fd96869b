//! The inventory service.

use api::ApiSettings;
use choreography::Runner;
use inventory::{Inventory, MIGRATIONS, http};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((settings, api)) = choreography::program!(Inventory, ApiSettings)? else { return Ok(()) };
    let gate = api.gate()?;
    Runner::new(settings, Inventory, &MIGRATIONS).api(|context| http::routes(context, gate)).run().await
}

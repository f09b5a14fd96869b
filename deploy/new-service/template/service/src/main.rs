//! The newcomer service.

use choreography::{Runner, program};
use newcomer::{MIGRATIONS, Newcomer};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((settings, ())) = program!(Newcomer, ())? else { return Ok(()) };
    Runner::new(settings, Newcomer, &MIGRATIONS).run().await
}

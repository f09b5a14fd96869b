//! The newcomer service.

use choreography::{Nobody, no_api, program, run};
use newcomer::{MIGRATIONS, Newcomer};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((settings, ())) = program!(Newcomer, ())? else { return Ok(()) };
    run(settings, Newcomer, Nobody, &MIGRATIONS, no_api).await
}

//! The shipping service.

use choreography::Runner;
use shipping::{MIGRATIONS, Shipping, http, settings::Settings, shipment::Ship};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((engine, own)) = choreography::program!(Shipping, Settings)? else { return Ok(()) };
    let calls = own.carrier.calls(&engine)?.to::<Ship>();
    let gate = own.api.gate()?;
    let shipping = Runner::new(engine, Shipping, &MIGRATIONS).provider(calls);
    shipping.api(|context| http::routes(context, gate)).run().await
}

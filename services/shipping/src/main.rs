//! The shipping service.

use choreography::{Runner, Service as _};
use choreography_keys::HeldKeys;
use contracts::topic::CUSTOMER_KEYS;
use shipping::{MIGRATIONS, Shipping, http, opened_calls::OpenedCalls, settings::Settings, shipment::Ship};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((engine, own)) = choreography::program!(Shipping, Settings)? else { return Ok(()) };
    let calls = own.carrier.calls(&engine)?.to::<Ship>();
    let gate = own.api.gate()?;
    let keys = HeldKeys::new(Shipping::NAME, CUSTOMER_KEYS);
    let shipping = Runner::new(engine, Shipping, &MIGRATIONS).provider(OpenedCalls::new(calls, keys.clone()));
    let shipping = keys.followed_by(shipping);
    shipping.api(|context| http::routes(context, gate)).run().await
}

//! The payment service.

use choreography::Runner;
use payment::{
    MIGRATIONS, Payment,
    calls::{Charge, Refund},
    http,
    settings::Settings,
};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((engine, own)) = choreography::program!(Payment, Settings)? else { return Ok(()) };
    let calls = own.provider.calls(&engine)?.to::<Charge>().to::<Refund>();
    let gate = own.api.gate()?;
    let payment = Runner::new(engine, Payment, &MIGRATIONS).provider(calls);
    payment.api(|context| http::routes(context, gate)).run().await
}

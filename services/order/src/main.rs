//! The order service.

use choreography::Nobody;
use order::{MIGRATIONS, Order, http, settings::Settings};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((engine, own)) = choreography::program!(Order, Settings)? else { return Ok(()) };
    let order = Order { deadline: own.order_deadline };
    let gate = own.api.gate()?;
    let retention = own.idempotency_retention;
    choreography::run(engine, order, Nobody, &MIGRATIONS, |context| http::routes(context, gate, retention)).await
}

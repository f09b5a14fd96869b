//! The order service.

use choreography::Runner;
use order::{MIGRATIONS, Order, customers::Customers, http, settings::Settings, store};

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((engine, own)) = choreography::program!(Order, Settings)? else { return Ok(()) };
    let order = Order { deadline: own.order_deadline };
    let gate = own.api.gate()?;
    let retention = own.idempotency_retention;
    let customers = Customers::new(own.personal_data);
    customers
        .keys
        .kept_by(Runner::new(engine, order, &MIGRATIONS))
        .api(|context| http::routes(context, gate, customers))
        .job("forget request keys", store::FORGET_EVERY, move |context| store::forget(context, retention))
        .run()
        .await
}

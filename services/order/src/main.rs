//! The order service.

use clap::Parser;
use engine::intents::Nobody;
use order::{MIGRATIONS, Order, http, settings::Settings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let order = Order { deadline: settings.order_deadline };
    let retention = settings.idempotency_retention;
    engine::service::run(settings.engine, order, Nobody, &MIGRATIONS, |context| http::routes(context, retention)).await
}

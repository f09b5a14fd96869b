//! Order's API without its database.

use std::time::Duration;

use anyhow::Result;
use api::Gate;
use choreography::{Connection, Context, Pool};
use choreography_core::{
    commands,
    routes::{AnyReply, Routed},
};
use choreography_postgres::Limits;
use chrono::DateTime;
use order::{
    customers::{Customers, PersonalData},
    place_order::Placed,
};
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// As many as the intake takes at once.
const BATCH: usize = 500;
/// As the service's settings have it.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Serves its routes behind an open gate. Commands are answered as if their transaction had been committed at once.
pub async fn serve(listener: TcpListener) -> Result<()> {
    let (commands, mut queue) = commands::queue::<Routed>(10_000, TIME_LIMIT);
    tokio::spawn(async move {
        // With microseconds, as the database's clock has them.
        let at = DateTime::from_timestamp_nanos(1_700_000_000_123_456_000);
        while let Some(asked) = queue.next(BATCH).await {
            asked.into_iter().for_each(|asked| (asked.reply)(Ok(AnyReply::new(Placed::Now(at)))));
        }
    });
    // Placing an order reads nothing, so it is never connected.
    let pool = Pool::new(PgConnectOptions::new(), Limits::default());
    let kafka = Connection::plain("127.0.0.1:1");
    let customers = Customers::new(PersonalData::Sealed);
    let routes = order::http::routes(Context { commands, pool, kafka }, Gate::open(), customers);
    choreography::server::serve_api(listener, routes, CancellationToken::new()).await;
    Ok(())
}

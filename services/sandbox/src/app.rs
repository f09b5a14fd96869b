use std::time::Duration;

use axum::Router;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    carrier, carrier::CarrierBook, http, lane::Lane, ledger_http, messages, messages::MessageBook, payments,
    payments::PaymentBook,
};

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) payments: Lane<PaymentBook>,
    pub(crate) shipments: Lane<CarrierBook>,
    pub(crate) messages: Lane<MessageBook>,
    pub(crate) pool: PgPool,
    pub(crate) late: Duration,
    pub(crate) silent: Duration,
    /// Cancelled when the process is to end: from then on no answer is delayed on purpose.
    pub(crate) stopping: CancellationToken,
}

impl App {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .merge(payments::routes())
            .merge(carrier::routes())
            .merge(messages::routes())
            .merge(ledger_http::routes())
            .merge(http::health::routes())
            .fallback(http::problem::no_such_route)
            .with_state(self)
    }

    /// Waits, but not while the process wants to end.
    pub(crate) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stopping.cancelled() => {}
        }
    }
}

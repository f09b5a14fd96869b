//! The sandbox as a whole: its state, its start, its document.

use std::time::Duration;

use axum::Router;
use choreography::server::{documented, refusing_with_problems};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    carrier, carrier::CarrierBook, http, lane::Lane, ledger_http, messages, messages::MessageBook, payments,
    payments::PaymentBook,
};

/// The contract that every provider has to keep, as it stands in the sandbox's README; and the sandbox's own ledger.
#[derive(utoipa::OpenApi)]
#[openapi(info(contact()))]
struct Document;

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
    /// The routes, with their document.
    pub(crate) fn routes(self) -> Router {
        let routes = OpenApiRouter::with_openapi(Document::openapi())
            .merge(payments::routes())
            .merge(carrier::routes())
            .merge(messages::routes())
            .merge(ledger_http::routes())
            .merge(http::health::routes());
        documented(routes.with_state(self)).fallback(http::problem::no_such_route)
    }

    pub(crate) fn router(self) -> Router {
        refusing_with_problems(self.routes())
    }

    /// Waits, but not while the process wants to end.
    pub(crate) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stopping.cancelled() => {}
        }
    }
}

//! What every service serves beside its API: probes, metrics, and the admin routes for held events and dead messages.

mod admin;
mod metrics;
mod probes;
mod tracing;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

pub(crate) use metrics::{fold_metrics, start_metrics};
pub use probes::Health;

use crate::{
    postgres::Tables,
    runtime::{ServiceDoor, Wakes},
};

const MAX_BODY: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn router<P: Tables>(api: Router, health: Health, door: Arc<ServiceDoor<P>>, wakes: Wakes) -> Router {
    api.layer(axum::middleware::from_fn(tracing::trace))
        .merge(probes::routes(health))
        .nest("/admin", admin::routes(door, wakes))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
}

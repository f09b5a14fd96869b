//! What every service serves: its API with the probes, and on a port of its own what operators need: metrics, and the
//! admin routes for deferred events and dead messages.

mod admin;
mod connections;
mod files;
mod front;
mod probes;
mod server;
mod token;
mod tracing;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, routing::get};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

pub use self::tracing::{CorrelationId, Trace};
pub use front::serve_api;
pub(crate) use front::{Api, Front};
pub use server::{ServerLimits, serve};

use crate::{
    health::Health,
    problem::Problem,
    runtime::{PostCommit, ServiceHandler, Wakes, call_queue},
    secret::LiveSecret,
    telemetry,
};

const MAX_BODY: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

/// The API and the probes.
fn api_router(api: Router, health: Health) -> Router {
    bounded(api.layer(axum::middleware::from_fn(tracing::trace)).merge(probes::routes(health)))
}

/// What is there before the service serves: the probes, and who asks for more is told to come again.
fn starting_router(health: Health) -> Router {
    let later = || async { Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the service is starting; see /readyz") };
    bounded(probes::routes(health).fallback(later))
}

/// As [`starting_router`], for operators.
fn starting_admin_router() -> Router {
    bounded(Router::new().route("/metrics", get(|| async { telemetry::metrics() })))
}

/// The metrics for whoever reaches the port, the admin routes for whoever has the token.
fn admin_router(handler: Arc<ServiceHandler>, post_commit: PostCommit, token: Option<LiveSecret>) -> Router {
    let admin =
        admin::routes(handler, post_commit).layer(axum::middleware::from_fn_with_state(Arc::new(token), token::check));
    bounded(Router::new().route("/metrics", get(|| async { telemetry::metrics() })).nest("/admin", admin))
}

/// The admin routes alone, for tests: nobody asks for a token, and nothing is woken.
pub fn admin_routes(handler: Arc<ServiceHandler>) -> Router {
    let (calls, _receiver) = call_queue(1);
    admin::routes(handler, PostCommit::new(Wakes::default(), calls))
}

fn bounded(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
}

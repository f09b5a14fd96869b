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
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::{CatchPanic, CatchPanicLayer, DefaultResponseForPanic},
    limit::{RequestBodyLimit, RequestBodyLimitLayer},
    timeout::{Timeout, TimeoutLayer},
};

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
fn api_router(api: Router, health: Health) -> Bounded {
    bounded(api.layer(axum::middleware::from_fn(tracing::trace)).merge(probes::routes(health)))
}

/// What is there before the service serves: the probes, and a client that asks for more is told to come again.
fn starting_router(health: Health) -> Bounded {
    let later = || async { Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the service is starting; see /readyz") };
    bounded(probes::routes(health).fallback(later))
}

/// As [`starting_router`], for operators.
fn starting_admin_router() -> Bounded {
    bounded(Router::new().route("/metrics", get(|| async { telemetry::metrics() })))
}

/// The metrics for every client that reaches the port, the admin routes for operators with the token.
fn admin_router(handler: Arc<ServiceHandler>, post_commit: PostCommit, token: Option<LiveSecret>) -> Bounded {
    let admin =
        admin::routes(handler, post_commit).layer(axum::middleware::from_fn_with_state(Arc::new(token), token::check));
    bounded(Router::new().route("/metrics", get(|| async { telemetry::metrics() })).nest("/admin", admin))
}

/// The admin routes alone, for tests: no token is asked for, and nothing is woken.
pub fn admin_routes(handler: Arc<ServiceHandler>) -> Router {
    let (calls, _receiver) = call_queue(1);
    admin::routes(handler, PostCommit::new(Wakes::default(), calls))
}

/// Routes whose requests are limited in length and in time, and whose panics are answered.
type Bounded = RequestBodyLimit<Timeout<CatchPanic<Router, DefaultResponseForPanic>>>;

/// Around the router as a whole: a layer of the router's own is boxed on each route, and cloned for each request.
fn bounded(router: Router) -> Bounded {
    ServiceBuilder::new()
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(CatchPanicLayer::new())
        .service(router)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, header::CONTENT_LENGTH},
        routing::post,
    };
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn what_is_too_long_is_refused_and_a_panic_is_answered() {
        let panics = async || -> StatusCode { panic!("a handler's bug") };
        let routes = Router::new().route("/", post(async |body: String| body)).route("/panics", post(panics));
        let routes = bounded(routes);
        let status = async |path: &str, body: Body| {
            let request = Request::post(path).body(body).unwrap();
            routes.clone().oneshot(request).await.unwrap().status().as_u16()
        };
        assert_eq!(status("/", "short".into()).await, 200);
        assert_eq!(status("/panics", Body::empty()).await, 500);
        assert_eq!(status("/nowhere", Body::empty()).await, 404);
        let announced = Request::post("/").header(CONTENT_LENGTH, MAX_BODY + 1).body(Body::empty()).unwrap();
        assert_eq!(routes.clone().oneshot(announced).await.unwrap().status().as_u16(), 413);
        let pieces = std::iter::repeat_n(Ok::<_, std::convert::Infallible>(vec![b' '; MAX_BODY / 2]), 3);
        assert_eq!(status("/", Body::from_stream(futures::stream::iter(pieces))).await, 413);
    }
}

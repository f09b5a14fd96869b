//! What every service serves: its API with the probes, and on a port of its own what operators need: metrics, and the
//! admin routes for deferred events and dead messages.

mod admin;
mod connections;
mod document;
mod files;
mod listeners;
mod operators;
mod probes;
mod refusals;
mod server;
mod token;
mod tracing;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::{CatchPanic, CatchPanicLayer, DefaultResponseForPanic},
    limit::{RequestBodyLimit, RequestBodyLimitLayer},
    timeout::{Timeout, TimeoutLayer},
};
use utoipa_axum::router::OpenApiRouter;

pub use self::tracing::{CorrelationId, Trace};
pub use document::{documented, secured};
pub use listeners::serve_api;
pub(crate) use listeners::{Api, Front};
pub use server::{ServerLimits, serve};

use crate::{
    health::Health,
    problem::{Problem, ProblemType},
    runtime::{PostCommit, Progress, ServiceHandler, Wakes, call_queue},
    secret::LiveSecret,
};
use refusals::Refusals;

const MAX_BODY: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

/// The API, the probes, and the document of both. A service without an API has no document to begin with: it is named by `name`.
fn api_routes(name: &str, mut api: OpenApiRouter, health: Health) -> Router {
    let title = &mut api.get_openapi_mut().info.title;
    if title.is_empty() {
        name.clone_into(title);
    }
    let api = document::refusing_anywhere(api).layer(axum::middleware::from_fn(tracing::trace));
    document::documented(api.merge(probes::routes(health)))
}

fn api_router(name: &str, api: OpenApiRouter, health: Health) -> Bounded {
    bounded(api_routes(name, api, health))
}

/// What is there before the service serves: the probes, and a client that asks for more is told to come again.
fn starting_router(health: Health) -> Bounded {
    let later = || async { Problem::new(ProblemType::UNAVAILABLE, "the service is starting; see /readyz") };
    bounded(Router::from(probes::routes(health)).fallback(later))
}

/// As [`starting_router`], for operators.
fn starting_admin_router() -> Bounded {
    bounded(operators::metrics().into())
}

/// The metrics for every client that reaches the port, the admin routes for operators with the token.
fn admin_router(handler: Arc<ServiceHandler>, post_commit: PostCommit, token: Option<LiveSecret>) -> Bounded {
    bounded(operators::routes(admin::routes(handler, post_commit), Some(token)))
}

/// The admin routes alone, for tests: no token is asked for, and nothing is woken.
pub fn admin_routes(handler: Arc<ServiceHandler>) -> Router {
    admin_api(handler).into()
}

/// As [`admin_routes`], in their place beside the metrics and the document of both.
pub fn operators_routes(handler: Arc<ServiceHandler>) -> Router {
    operators::routes(admin_api(handler), None)
}

fn admin_api(handler: Arc<ServiceHandler>) -> OpenApiRouter {
    let (calls, _receiver) = call_queue(1);
    admin::routes(handler, PostCommit::new(Wakes::default(), calls))
}

/// An API's routes as a service has them, probes and document included, for tests.
pub fn whole_api(api: impl Into<OpenApiRouter>) -> Router {
    api_routes("", api.into(), Health::new(Progress::new(TIMEOUT)))
}

/// Routes all of whose refusals are problems.
pub fn refusing_with_problems(routes: Router) -> Router {
    Router::new().fallback_service(Refusals(routes))
}

/// Routes as a service serves them: within its limits, and with its problems.
pub fn as_served(routes: Router) -> Router {
    Router::new().fallback_service(bounded(routes))
}

/// Routes whose requests are limited in length and in time, whose panics are answered, and all of whose refusals are problems.
type Bounded = Refusals<RequestBodyLimit<Timeout<CatchPanic<Router, DefaultResponseForPanic>>>>;

/// Around the router as a whole: a layer of the router's own is boxed on each route, and cloned for each request.
fn bounded(router: Router) -> Bounded {
    let limits = ServiceBuilder::new()
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(CatchPanicLayer::new());
    Refusals(limits.service(router))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{
            Request,
            header::{CONTENT_LENGTH, CONTENT_TYPE},
        },
        routing::post,
    };
    use tower::ServiceExt;

    use super::*;
    use crate::problem::MEDIA_TYPE;

    #[tokio::test]
    async fn what_is_too_long_is_refused_and_a_panic_is_answered() {
        let panics = async || -> StatusCode { panic!("a handler's bug") };
        let routes = Router::new().route("/", post(async |body: String| body)).route("/panics", post(panics));
        let routes = bounded(routes);
        let asked = async |request: Request<Body>| {
            let answer = routes.clone().oneshot(request).await.unwrap();
            let (status, media) = (answer.status().as_u16(), answer.headers().get(CONTENT_TYPE).cloned());
            assert!(status == 200 || media.is_some_and(|media| media == MEDIA_TYPE), "{status} is no problem");
            status
        };
        let status = async |path: &str, body: Body| asked(Request::post(path).body(body).unwrap()).await;
        assert_eq!(status("/", "short".into()).await, 200);
        assert_eq!(status("/panics", Body::empty()).await, 500);
        assert_eq!(status("/nowhere", Body::empty()).await, 404);
        let announced = Request::post("/").header(CONTENT_LENGTH, MAX_BODY + 1).body(Body::empty()).unwrap();
        assert_eq!(asked(announced).await, 413);
        let pieces = std::iter::repeat_n(Ok::<_, std::convert::Infallible>(vec![b' '; MAX_BODY / 2]), 3);
        assert_eq!(status("/", Body::from_stream(futures::stream::iter(pieces))).await, 413);
    }
}

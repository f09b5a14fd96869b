//! What operators find at their address: metrics, admin routes, and the document of both.

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state};
use utoipa::{
    OpenApi as _,
    openapi::security::{HttpAuthScheme, HttpBuilder},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{document, token};
use crate::{
    problem::{Problem, ProblemType},
    secret::LiveSecret,
    telemetry,
};

/// The name of the token in the document.
const TOKEN: &str = "adminToken";

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "operators",
    description = "What operators ask of any service at ADMIN_ADDR: its metrics, and what it could not handle.",
    contact()
))]
struct Operators;

/// The metrics, for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", responses((status = 200, body = String, content_type = "text/plain")))]
async fn measured() -> String {
    telemetry::metrics()
}

pub(super) fn metrics() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Operators::openapi()).routes(routes!(measured))
}

/// All of them. `token` opens the admin routes; `None` leaves them open, for tests.
pub(super) fn routes(mut admin: OpenApiRouter, token: Option<Option<LiveSecret>>) -> Router {
    let document = admin.get_openapi_mut();
    Problem::refusing_all(document, &[ProblemType::UNAUTHENTICATED, ProblemType::FORBIDDEN]);
    document::secured(
        document,
        TOKEN,
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The ADMIN_TOKEN.")).build(),
    );
    if let Some(token) = token {
        admin = admin.layer(from_fn_with_state(Arc::new(token), token::check));
    }
    document::documented(metrics().nest("/admin", document::refusing_anywhere(admin)))
}

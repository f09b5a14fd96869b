//! The carrier's routes.

use axum::{Json, extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Call, requests::ShipmentRequest, store};
use crate::{
    app::App,
    http::{
        body::Valid,
        key::{IdempotencyKey, KeyInPath},
        problem::{OF_CALLS, OF_KEYS, Problem, refusing},
    },
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(refusing(routes!(ship), &OF_CALLS))
        .routes(refusing(routes!(find_shipment), &OF_KEYS))
}

/// Hands a parcel over.
#[utoipa::path(post, path = "/v1/shipments", operation_id = "ship", request_body = ShipmentRequest, params(("Idempotency-Key" = String, Header, pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$")), responses((status = 200, body = Answer)))]
async fn ship(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<ShipmentRequest>,
) -> Response {
    app.answer(app.shipments.call(Call { key, request }).await).await
}

/// Says what became of a shipment.
#[utoipa::path(get, path = "/v1/shipments/{key}", operation_id = "findShipment", params(("key" = String, Path, description = "One percent-encoded segment.")), responses((status = 200, body = Answer)))]
async fn find_shipment(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<Answer>, Problem> {
    store::find_shipment(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("shipment", &key))
}

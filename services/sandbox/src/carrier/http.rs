use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};

use super::{Answer, Call, requests::ShipmentRequest, store};
use crate::{
    app::App,
    http::{
        body::Valid,
        key::{IdempotencyKey, KeyInPath},
        problem::Problem,
    },
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/v1/shipments", post(ship)).route("/v1/shipments/{key}", get(find_shipment))
}

async fn ship(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<ShipmentRequest>,
) -> Response {
    app.answer(app.shipments.call(Call { key, request }).await).await
}

async fn find_shipment(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<Answer>, Problem> {
    store::find_shipment(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("shipment", &key))
}

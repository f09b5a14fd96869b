//! Shipping's API: `GET /shipments/{orderId}`.

use api::Gate;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use choreography::{Context, Problem, ProblemType};
use serde::Serialize;
use sqlx::FromRow;
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

const UNKNOWN: ProblemType =
    ProblemType::new("unknown-shipment", StatusCode::NOT_FOUND, "No shipment of this order is known");

#[derive(utoipa::OpenApi)]
#[openapi(info(contact()))]
struct Document;

/// The service's routes.
pub fn routes(context: Context, gate: Gate) -> OpenApiRouter {
    let kinds = [ProblemType::MALFORMED, UNKNOWN];
    let api = OpenApiRouter::with_openapi(Document::openapi()).routes(Problem::refusing(routes!(show), &kinds));
    gate.before_back_office(api.with_state(context))
}

/// The shipment of an order.
#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shipment)]
struct ShipmentView {
    order_id: String,
    state: String,
    tracking_number: Option<String>,
}

/// Shows the shipment of an order.
#[utoipa::path(get, path = "/shipments/{order_id}", operation_id = "shipment", params(("order_id" = Uuid, Path)), responses(
    (status = 200, body = ShipmentView),
))]
async fn show(State(context): State<Context>, Path(order): Path<Uuid>) -> Result<Json<ShipmentView>, Problem> {
    let found: Option<ShipmentView> = sqlx::query_as(
        "SELECT order_id, state, tracking_number FROM shipments WHERE order_id = $1 AND state <> 'none'",
    )
    .bind(order.to_string())
    .fetch_optional(&context.pool)
    .await?;
    found.map(Json).ok_or_else(|| Problem::new(UNKNOWN, format!("no shipment of order {order} is known")))
}

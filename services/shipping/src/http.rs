//! Shipping's API: `GET /shipments/{orderId}`.

use api::Gate;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use choreography::{Context, Problem};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// The service's routes.
pub fn routes(context: Context, gate: Gate) -> Router {
    gate.before_back_office(Router::new().route("/shipments/{order_id}", get(show)).with_state(context))
}

#[derive(Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
struct ShipmentView {
    order_id: String,
    state: String,
    tracking_number: Option<String>,
}

async fn show(State(context): State<Context>, Path(order): Path<Uuid>) -> Result<Json<ShipmentView>, Problem> {
    let found: Option<ShipmentView> = sqlx::query_as(
        "SELECT order_id, state, tracking_number FROM shipments WHERE order_id = $1 AND state <> 'none'",
    )
    .bind(order.to_string())
    .fetch_optional(&context.pool)
    .await?;
    found.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("no shipment of order {order} is known")))
}

//! Payment's API: `GET /payments/{orderId}`.

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
    gate.before_back_office(Router::new().route("/payments/{order_id}", get(show)).with_state(context))
}

#[derive(Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
struct PaymentView {
    order_id: String,
    state: String,
    amount: Option<i64>,
    currency: Option<String>,
    charge_id: Option<String>,
}

async fn show(State(context): State<Context>, Path(order): Path<Uuid>) -> Result<Json<PaymentView>, Problem> {
    let found: Option<PaymentView> = sqlx::query_as(
        "SELECT order_id, state, (details->>'amount')::bigint AS amount, details->>'currency' AS currency, charge_id
         FROM payments WHERE order_id = $1 AND state <> 'none'",
    )
    .bind(order.to_string())
    .fetch_optional(&context.pool)
    .await?;
    found.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("no payment of order {order} is known")))
}

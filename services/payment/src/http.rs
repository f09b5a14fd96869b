//! Payment's API: `GET /payments/{orderId}`.

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
    ProblemType::new("unknown-payment", StatusCode::NOT_FOUND, "No payment of this order is known");

#[derive(utoipa::OpenApi)]
#[openapi(info(contact()))]
struct Document;

/// The service's routes.
pub fn routes(context: Context, gate: Gate) -> OpenApiRouter {
    let kinds = [ProblemType::MALFORMED, UNKNOWN];
    let api = OpenApiRouter::with_openapi(Document::openapi()).routes(Problem::refusing(routes!(show), &kinds));
    gate.before_back_office(api.with_state(context))
}

/// The payment of an order.
#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
struct PaymentView {
    order_id: String,
    state: String,
    amount: Option<i64>,
    currency: Option<String>,
    charge_id: Option<String>,
}

/// Shows the payment of an order.
#[utoipa::path(get, path = "/payments/{order_id}", operation_id = "payment", params(("order_id" = Uuid, Path)), responses(
    (status = 200, body = PaymentView),
))]
async fn show(State(context): State<Context>, Path(order): Path<Uuid>) -> Result<Json<PaymentView>, Problem> {
    let found: Option<PaymentView> = sqlx::query_as(
        "SELECT order_id, state, (details->>'amount')::bigint AS amount, details->>'currency' AS currency, charge_id
         FROM payments WHERE order_id = $1 AND state <> 'none'",
    )
    .bind(order.to_string())
    .fetch_optional(&context.pool)
    .await?;
    found.map(Json).ok_or_else(|| Problem::new(UNKNOWN, format!("no payment of order {order} is known")))
}

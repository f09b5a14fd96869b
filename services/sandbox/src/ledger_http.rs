//! The route that shows an order's ledger.

use axum::{
    Json,
    extract::{Path, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
};
use choreography::ProblemType;
use sqlx::PgPool;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    http::{
        problem::{Problem, refusing},
        text,
    },
    ledger::{self, Totals},
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    let of_one = [ProblemType::INVALID_FIELD, ProblemType::UNAVAILABLE];
    OpenApiRouter::default()
        .routes(refusing(routes!(totals), &[ProblemType::UNAVAILABLE]))
        .routes(refusing(routes!(of_order), &of_one))
}

/// Sums what succeeded.
#[utoipa::path(get, path = "/v1/ledger", operation_id = "ledger", tag = "ledger", responses((status = 200, body = Totals)))]
async fn totals(State(app): State<App>) -> Result<Json<Totals>, Problem> {
    Ok(Json(ledger::totals(&app.pool).await?))
}

/// Lists all that was asked for an order.
#[utoipa::path(get, path = "/v1/ledger/{order}", operation_id = "ledgerOfOrder", tag = "ledger", params(("order" = String, Path)),
               responses((status = 200, body = serde_json::Value)))]
async fn of_order(State(app): State<App>, Path(order): Path<String>) -> Result<impl IntoResponse, Problem> {
    if let Some(why) = text::unfit(&order) {
        return Err(Problem::malformed("orderId", why));
    }
    let body = story(&app.pool, &order).await?;
    Ok(([(CONTENT_TYPE, "application/json")], body))
}

/// One order's rows as JSON, oldest first. One statement, so that they are of one moment.
async fn story(pool: &PgPool, order: &str) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT json_build_object('orderId', $1,
           'charges', coalesce((SELECT json_agg(json_strip_nulls(json_build_object('key', key, 'status', status,
              'amount', amount, 'currency', currency, 'paymentMethod', payment_method, 'chargeId', charge_id,
              'reason', reason)) ORDER BY created_at, key) FROM charge WHERE order_id = $1), '[]'),
           'refunds', coalesce((SELECT json_agg(json_strip_nulls(json_build_object('key', key, 'status', status,
              'amount', amount, 'currency', currency, 'chargeId', charge_id, 'refundId', refund_id,
              'reason', reason)) ORDER BY created_at, key) FROM refund WHERE order_id = $1), '[]'),
           'shipments', coalesce((SELECT json_agg(json_strip_nulls(json_build_object('key', key, 'status', status,
              'items', items, 'address', address, 'trackingNumber', tracking_number,
              'reason', reason)) ORDER BY created_at, key) FROM shipment WHERE order_id = $1), '[]'),
           'messages', coalesce((SELECT json_agg(json_strip_nulls(json_build_object('key', key, 'status', status,
              'userId', user_id, 'text', text, 'messageId', message_id,
              'reason', reason)) ORDER BY created_at, key) FROM message WHERE order_id = $1), '[]')
         )::text",
    )
    .bind(order)
    .fetch_one(pool)
    .await
}

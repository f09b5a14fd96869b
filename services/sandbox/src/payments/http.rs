//! The payment provider's routes.

use axum::{Json, extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Call,
    answers::{ChargeAnswer, RefundAnswer},
    requests::{ChargeRequest, RefundRequest},
    store,
};
use crate::{
    app::App,
    http::{
        body::Valid,
        key::{IdempotencyKey, KeyInPath},
        problem::{OF_CALLS, OF_CANCELLATIONS, OF_KEYS, Problem, refusing},
    },
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(refusing(routes!(charge), &OF_CALLS))
        .routes(refusing(routes!(cancel_charge), &OF_CANCELLATIONS))
        .routes(refusing(routes!(refund), &OF_CALLS))
        .routes(refusing(routes!(find_charge), &OF_KEYS))
        .routes(refusing(routes!(find_refund), &OF_KEYS))
}

/// Takes money.
#[utoipa::path(post, path = "/v1/charges", operation_id = "charge", request_body = ChargeRequest, params(("Idempotency-Key" = String, Header, pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$")), responses((status = 200, body = ChargeAnswer)))]
async fn charge(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<ChargeRequest>,
) -> Response {
    app.answer(app.payments.call(Call::Charge { key, request }).await).await
}

/// Sees to it that a key can never charge, or says what it came to before.
#[utoipa::path(post, path = "/v1/charges/{key}/cancel", operation_id = "cancelCharge", params(("key" = String, Path, description = "One percent-encoded segment.")), responses((status = 200, body = ChargeAnswer)))]
async fn cancel_charge(State(app): State<App>, KeyInPath(key): KeyInPath) -> Response {
    app.answer(app.payments.call(Call::CancelCharge { key }).await).await
}

/// Gives money back.
#[utoipa::path(post, path = "/v1/refunds", operation_id = "refund", request_body = RefundRequest, params(("Idempotency-Key" = String, Header, pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$")), responses((status = 200, body = RefundAnswer)))]
async fn refund(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<RefundRequest>,
) -> Response {
    app.answer(app.payments.call(Call::Refund { key, request }).await).await
}

/// Says what became of a charge.
#[utoipa::path(get, path = "/v1/charges/{key}", operation_id = "findCharge", params(("key" = String, Path, description = "One percent-encoded segment.")), responses((status = 200, body = ChargeAnswer)))]
async fn find_charge(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<ChargeAnswer>, Problem> {
    store::find_charge(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("charge", &key))
}

/// Says what became of a refund.
#[utoipa::path(get, path = "/v1/refunds/{key}", operation_id = "findRefund", params(("key" = String, Path, description = "One percent-encoded segment.")), responses((status = 200, body = RefundAnswer)))]
async fn find_refund(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<RefundAnswer>, Problem> {
    store::find_refund(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("refund", &key))
}

use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};

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
        problem::Problem,
    },
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/charges", post(charge))
        .route("/v1/charges/{key}", get(find_charge))
        .route("/v1/charges/{key}/cancel", post(cancel_charge))
        .route("/v1/refunds", post(refund))
        .route("/v1/refunds/{key}", get(find_refund))
}

async fn charge(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<ChargeRequest>,
) -> Response {
    app.answer(app.payments.call(Call::Charge { key, request }).await).await
}

async fn cancel_charge(State(app): State<App>, KeyInPath(key): KeyInPath) -> Response {
    app.answer(app.payments.call(Call::CancelCharge { key }).await).await
}

async fn refund(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<RefundRequest>,
) -> Response {
    app.answer(app.payments.call(Call::Refund { key, request }).await).await
}

async fn find_charge(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<ChargeAnswer>, Problem> {
    store::find_charge(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("charge", &key))
}

async fn find_refund(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<RefundAnswer>, Problem> {
    store::find_refund(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("refund", &key))
}

//! The mail service's routes.

use axum::{Json, extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Call, requests::MessageRequest, store};
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
        .routes(refusing(routes!(send), &OF_CALLS))
        .routes(refusing(routes!(find_message), &OF_KEYS))
}

/// Sends a message.
#[utoipa::path(post, path = "/v1/messages", operation_id = "send", request_body = MessageRequest, params(("Idempotency-Key" = String, Header, pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$")), responses((status = 200, body = Answer)))]
async fn send(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<MessageRequest>,
) -> Response {
    app.answer(app.messages.call(Call { key, request }).await).await
}

/// Says what became of a message.
#[utoipa::path(get, path = "/v1/messages/{key}", operation_id = "findMessage", params(("key" = String, Path, description = "One percent-encoded segment.")), responses((status = 200, body = Answer)))]
async fn find_message(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<Answer>, Problem> {
    store::find_message(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("message", &key))
}

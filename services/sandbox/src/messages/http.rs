use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};

use super::{Answer, Call, requests::MessageRequest, store};
use crate::{
    app::App,
    http::{
        body::Valid,
        key::{IdempotencyKey, KeyInPath},
        problem::Problem,
    },
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/v1/messages", post(send)).route("/v1/messages/{key}", get(find_message))
}

async fn send(
    State(app): State<App>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(request): Valid<MessageRequest>,
) -> Response {
    app.answer(app.messages.call(Call { key, request }).await).await
}

async fn find_message(State(app): State<App>, KeyInPath(key): KeyInPath) -> Result<Json<Answer>, Problem> {
    store::find_message(&app.pool, &key).await?.map(Json).ok_or_else(|| Problem::not_found("message", &key))
}

//! Admin routes for keys that stopped because Kafka refuses their next message: see them, try again, or give the message up.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use choreography_core::relay::Lane;
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::{Admin, PAGE, Page, Reason, listed, problem, unavailable};

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/stopped", get(list))
        .route("/stopped/release", post(release_topic))
        .route("/stopped/{number}/release", post(release))
        .route("/stopped/{number}/discard", post(discard))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    topic: String,
}

async fn list(State(admin): State<Admin>, Query(page): Query<Page>) -> Response {
    listed("stopped", admin.handler.database.stopped_views(page.after, PAGE).await)
}

async fn release(State(admin): State<Admin>, Path(number): Path<i64>) -> Response {
    let released = admin.handler.database.release_key(number).await;
    settled(&admin, number, released, "released")
}

/// For the time after a topic's limit was raised.
async fn release_topic(State(admin): State<Admin>, Json(Topic { topic }): Json<Topic>) -> Response {
    match admin.handler.database.release_topic(&topic).await {
        Ok(released) => {
            info!(topic, released, "stopped keys released");
            wake(&admin);
            Json(json!({ "outcome": "released", "keys": released })).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

async fn discard(State(admin): State<Admin>, Path(number): Path<i64>, Reason(reason): Reason) -> Response {
    let discarded = admin.handler.database.discard_refused(number, &reason).await;
    settled(&admin, number, discarded, "discarded")
}

fn settled(admin: &Admin, number: i64, done: sqlx::Result<bool>, outcome: &str) -> Response {
    match done {
        Ok(true) => {
            info!(number, outcome, "a stopped key goes on");
            wake(admin);
            Json(json!({ "outcome": outcome })).into_response()
        }
        Ok(false) => problem(StatusCode::NOT_FOUND, &format!("no key stopped at message {number}")),
        Err(error) => unavailable(&error),
    }
}

fn wake(admin: &Admin) {
    Lane::ALL.into_iter().for_each(|lane| admin.post_commit.look_into_the_table(lane));
    admin.wakes().elsewhere.notify_one();
}

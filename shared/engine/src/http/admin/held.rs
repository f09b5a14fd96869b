//! Held events: listed, redriven, discarded.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{
    Admin, PAGE, Page, Reason, check_reason, discard_response, payload::payload, problem, unavailable, verdict_response,
};
use crate::{
    crash_point::reached,
    event_id::Ids,
    postgres::{Kept, Tables},
    retry::{self, Limits},
};

/// How much of a queue goes through with a redriven event at once; the rest follows by itself.
const QUEUE: Limits = Limits { keys: 1, per_key: 100, bytes: 8 * 1024 * 1024 };

pub(super) fn routes<P: Tables>() -> Router<Admin<P>> {
    Router::new()
        .route("/held", get(list_held::<P>))
        .route("/held/{number}/payload", get(held_payload::<P>))
        .route("/held/{number}/redrive", post(redrive::<P>))
        .route("/held/{number}/discard", post(discard_event::<P>))
}

async fn list_held<P: Tables>(State(admin): State<Admin<P>>, Query(page): Query<Page>) -> Response {
    match admin.door.database.held_views(page.after, PAGE).await {
        Ok(held) => Json(json!({ "held": held })).into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn held_payload<P: Tables>(State(admin): State<Admin<P>>, Path(number): Path<i64>) -> Response {
    payload(admin, Kept::Held, number).await
}

/// Answers what became of it: `applied`, or parked again and why.
async fn redrive<P: Tables>(State(admin): State<Admin<P>>, Path(number): Path<i64>) -> Response {
    let mut ids = Ids::new();
    let redriven = retry::redrive(&admin.door, &admin.door.database, &mut ids, number, QUEUE).await;
    reached("redrive.committed");
    admin.wakes.relay.notify_one();
    admin.wakes.elsewhere.notify_one();
    admin.wakes.retry.notify_one();
    match redriven {
        Ok(Some(Ok(verdict))) => verdict_response(number, &verdict),
        Ok(Some(Err(failure))) => problem(StatusCode::CONFLICT, &failure.message),
        Ok(None) => problem(StatusCode::NOT_FOUND, &format!("no event {number} is held")),
        Err(error) => unavailable(&error),
    }
}

async fn discard_event<P: Tables>(
    State(admin): State<Admin<P>>,
    Path(number): Path<i64>,
    Json(Reason { reason }): Json<Reason>,
) -> Response {
    if let Some(refused) = check_reason(&reason) {
        return refused;
    }
    let discarded = admin.door.database.discard_event(number, &reason).await;
    admin.wakes.retry.notify_one();
    discard_response(number, discarded)
}

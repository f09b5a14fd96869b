//! Deferred events: listed, redriven, discarded.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use choreography_core::{
    crash_point::reached,
    event_id::Ids,
    input::Verdict,
    retry::{self, Limits},
};
use choreography_postgres::Kept;

use super::{
    Admin, PAGE, Page, Reason, discard_response, listed, payload::payload, problem, unavailable, verdict_response,
};

/// How much of a queue goes through with a redriven event at once; the rest follows by itself.
const QUEUE: Limits = Limits { keys: 1, per_key: 100, bytes: 8 * 1024 * 1024 };

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/deferred", get(list_deferred))
        .route("/deferred/{number}/payload", get(deferred_payload))
        .route("/deferred/{number}/redrive", post(redrive))
        .route("/deferred/{number}/discard", post(discard_event))
}

async fn list_deferred(State(admin): State<Admin>, Query(page): Query<Page>) -> Response {
    listed("deferred", admin.handler.database.deferred_views(page.after, PAGE).await)
}

async fn deferred_payload(State(admin): State<Admin>, Path(number): Path<i64>) -> Response {
    payload(admin, Kept::Deferred, number).await
}

/// Answers what became of it: `applied`, or parked again and why.
async fn redrive(State(admin): State<Admin>, Path(number): Path<i64>) -> Response {
    let mut ids = Ids::new();
    let redriven = retry::redrive(&admin.handler, &admin.handler.database, &mut ids, number, QUEUE).await;
    reached("redrive.committed");
    match redriven {
        Ok(Some(Ok(mut progress))) => {
            admin.post_commit.of(&mut progress);
            // What stands behind it may go on.
            admin.wakes().retry.notify_one();
            verdict_response(number, progress.verdicts[0].as_ref().unwrap_or(&Verdict::Gone))
        }
        Ok(Some(Err(failure))) => problem(StatusCode::CONFLICT, &failure.message),
        Ok(None) => problem(StatusCode::NOT_FOUND, &format!("no event {number} is deferred")),
        Err(error) => unavailable(&error),
    }
}

async fn discard_event(State(admin): State<Admin>, Path(number): Path<i64>, Reason(reason): Reason) -> Response {
    let discarded = admin.handler.database.discard_event(number, &reason).await;
    admin.wakes().retry.notify_one();
    discard_response(number, discarded)
}

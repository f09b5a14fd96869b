//! Deferred events: listed, redriven, discarded.

use axum::{
    Json,
    extract::{Path, Query, State},
    response::Response,
};
use choreography_core::{
    crash_point::reached,
    event_id::Ids,
    input::Verdict,
    retry::{self, Limits},
};
use choreography_postgres::{DeferredView, Kept};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Admin, OF_BODIES, OF_LISTS, OF_ONE, OF_REDRIVES, Outcome, PAGE, Page, Reason, ReasonBody, discarded, not_there,
    payload::payload, redriven, unavailable,
};
use crate::problem::{Problem, ProblemType};

/// How much of a queue goes through with a redriven event at once; the rest follows by itself.
const QUEUE: Limits = Limits { keys: 1, per_key: 100, bytes: 8 * 1024 * 1024 };

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(Problem::refusing(routes!(list_deferred), &OF_LISTS))
        .routes(Problem::refusing(routes!(deferred_payload), &OF_ONE))
        .routes(Problem::refusing(routes!(redrive), &OF_REDRIVES))
        .routes(Problem::refusing(routes!(discard_event), &OF_BODIES))
}

/// A page of deferred events.
#[derive(Serialize, ToSchema)]
struct DeferredEvents {
    deferred: Vec<DeferredView>,
}

/// Lists events that wait, oldest first, 100 a page.
#[utoipa::path(get, path = "/deferred", tag = "deferred events", params(Page), responses((status = 200, body = DeferredEvents)))]
async fn list_deferred(State(admin): State<Admin>, Query(page): Query<Page>) -> Result<Json<DeferredEvents>, Problem> {
    let found = admin.handler.database.deferred_views(page.after, PAGE).await;
    found.map(|deferred| Json(DeferredEvents { deferred })).map_err(|error| unavailable(&error))
}

/// Shows the bytes of one event as they arrived.
#[utoipa::path(get, path = "/deferred/{number}/payload", tag = "deferred events", params(("number" = i64, Path)), responses(
    (status = 200, body = [u8], content_type = "application/octet-stream"),
    (status = 204, description = "It has no payload."),
))]
async fn deferred_payload(State(admin): State<Admin>, Path(number): Path<i64>) -> Result<Response, Problem> {
    payload(admin, Kept::Deferred, number).await
}

/// Tries one again, and then the events of its key behind it.
#[utoipa::path(post, path = "/deferred/{number}/redrive", tag = "deferred events", params(("number" = i64, Path)), responses(
    (status = 200, description = "It had its effect, now or before.", body = Outcome),
    (status = 202, description = "It failed for a passing reason, and is tried again by itself.", body = Outcome),
))]
async fn redrive(State(admin): State<Admin>, Path(number): Path<i64>) -> Result<Response, Problem> {
    let mut ids = Ids::new();
    let tried = retry::redrive(&admin.handler, &admin.handler.database, &mut ids, number, QUEUE).await;
    reached("redrive.committed");
    match tried {
        Ok(Some(Ok(mut progress))) => {
            admin.post_commit.of(&mut progress);
            // What stands behind it may go on.
            admin.wakes().retry.notify_one();
            redriven(number, progress.verdicts[0].as_ref().unwrap_or(&Verdict::Gone))
        }
        Ok(Some(Err(failure))) => Err(Problem::new(ProblemType::CONFLICT, failure.message)),
        Ok(None) => Err(not_there(format!("no event {number} is deferred"))),
        Err(error) => Err(unavailable(&error)),
    }
}

/// Gives one up for good.
#[utoipa::path(post, path = "/deferred/{number}/discard", tag = "deferred events", params(("number" = i64, Path)), request_body = ReasonBody, responses(
    (status = 200, body = Outcome),
))]
async fn discard_event(
    State(admin): State<Admin>,
    Path(number): Path<i64>,
    Reason(reason): Reason,
) -> Result<Json<Outcome>, Problem> {
    let done = admin.handler.database.discard_event(number, &reason).await;
    admin.wakes().retry.notify_one();
    discarded(number, done)
}

//! Admin routes: see what is held or dead, redrive it, or discard it with a reason.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use tracing::{error, info};

use crate::{
    crash_point::reached,
    event_id::Ids,
    input::Verdict,
    postgres::{DiscardError, Tables},
    retry,
    runtime::{ServiceDoor, Wakes},
    store::HeldStatus,
};

/// How much of a queue goes through with a redriven event at once; the rest follows by itself.
const QUEUE: usize = 100;
const PAGE: i64 = 100;

pub(super) struct Admin<P: Tables> {
    door: Arc<ServiceDoor<P>>,
    wakes: Wakes,
}

impl<P: Tables> Clone for Admin<P> {
    fn clone(&self) -> Self {
        Self { door: self.door.clone(), wakes: self.wakes.clone() }
    }
}

pub(super) fn routes<P: Tables>(door: Arc<ServiceDoor<P>>, wakes: Wakes) -> Router {
    Router::new()
        .route("/held", get(list_held::<P>))
        .route("/held/{number}/redrive", post(redrive::<P>))
        .route("/held/{number}/discard", post(discard_event::<P>))
        .route("/dead-messages", get(list_dead::<P>))
        .route("/dead-messages/{number}/redrive", post(redrive_message::<P>))
        .route("/dead-messages/{number}/discard", post(discard_message::<P>))
        .with_state(Admin { door, wakes })
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

async fn list_held<P: Tables>(State(admin): State<Admin<P>>, Query(page): Query<Page>) -> Response {
    match admin.door.database.held_views(page.after, PAGE).await {
        Ok(held) => Json(json!({ "held": held })).into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn list_dead<P: Tables>(State(admin): State<Admin<P>>, Query(page): Query<Page>) -> Response {
    match admin.door.database.dead_message_views(page.after, PAGE).await {
        Ok(dead) => Json(json!({ "deadMessages": dead })).into_response(),
        Err(error) => unavailable(&error),
    }
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

fn verdict_response<R>(number: i64, verdict: &Verdict<R>) -> Response {
    match verdict {
        Verdict::Applied(_) => {
            info!(number, "redriven");
            Json(json!({ "outcome": "applied" })).into_response()
        }
        Verdict::Repeat => Json(json!({ "outcome": "repeated: it had its effect before" })).into_response(),
        Verdict::Held(HeldStatus::Parked) => {
            problem(StatusCode::CONFLICT, "refused again; see its error in /admin/held")
        }
        Verdict::Held(_) => problem(StatusCode::ACCEPTED, "failed for a passing reason; it is tried again by itself"),
        Verdict::Gone => problem(
            StatusCode::CONFLICT,
            "an earlier event of its key is held (redrive or discard that first), or it was settled meanwhile",
        ),
        Verdict::Dead => problem(StatusCode::CONFLICT, "its id is outside of the horizon by now"),
        Verdict::Refused(refusal) => problem(StatusCode::CONFLICT, &refusal.to_string()),
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

async fn discard_message<P: Tables>(
    State(admin): State<Admin<P>>,
    Path(number): Path<i64>,
    Json(Reason { reason }): Json<Reason>,
) -> Response {
    if let Some(refused) = check_reason(&reason) {
        return refused;
    }
    discard_response(number, admin.door.database.discard_message(number, &reason).await)
}

/// A dead message can be good for a newer version of this service.
async fn redrive_message<P: Tables>(State(admin): State<Admin<P>>, Path(number): Path<i64>) -> Response {
    let delivery = match admin.door.database.dead_message(number).await {
        Ok(Some(delivery)) => delivery,
        Ok(None) => return problem(StatusCode::NOT_FOUND, &format!("no dead message {number} is kept")),
        Err(error) => return unavailable(&error),
    };
    let work = match crate::reception::receive(&*admin.door.participant, delivery) {
        Some(work @ crate::input::Work::Input(_)) => work,
        Some(crate::input::Work::Dead(_, failure)) => return problem(StatusCode::CONFLICT, &failure.message),
        None => return problem(StatusCode::CONFLICT, "this service does not handle its type"),
    };
    let mut ids = Ids::new();
    match admin.door.handle(&mut ids, std::slice::from_ref(&work)).await {
        Ok(handled) => {
            admin.wakes.relay.notify_one();
            admin.wakes.elsewhere.notify_one();
            match handled.verdicts.first() {
                Some(Verdict::Dead) | None => problem(StatusCode::CONFLICT, "its id is outside of the horizon"),
                Some(verdict) => {
                    let forgotten = admin.door.database.discard_message(number, "redriven").await;
                    if let Err(error) = forgotten {
                        error!(%error, number, "redriven, but still listed as dead");
                    }
                    verdict_response(number, verdict)
                }
            }
        }
        Err(error) => unavailable(&error),
    }
}

fn check_reason(reason: &str) -> Option<Response> {
    let good = !reason.trim().is_empty() && reason.len() <= 1_000;
    (!good).then(|| problem(StatusCode::UNPROCESSABLE_ENTITY, "reason: say in 1 to 1000 bytes why this is given up"))
}

fn discard_response(number: i64, discarded: Result<(), DiscardError>) -> Response {
    match discarded {
        Ok(()) => {
            info!(number, "discarded");
            Json(json!({ "outcome": "discarded" })).into_response()
        }
        Err(error @ DiscardError::NotParked(_)) => problem(StatusCode::NOT_FOUND, &error.to_string()),
        Err(error @ DiscardError::Database(_)) => unavailable(&error),
    }
}

fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

fn unavailable(error: &dyn std::fmt::Display) -> Response {
    error!(%error, "an admin request failed");
    problem(StatusCode::SERVICE_UNAVAILABLE, "the database did not do this; see the log, then try again")
}

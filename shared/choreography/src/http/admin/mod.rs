//! Admin routes: see what is deferred, dead or stopped, redrive or release it, or discard it with a reason; see which calls have no
//! answer, and settle them by hand.

mod calls;
mod dead_messages;
mod deferred_events;
mod payload;
mod stopped_keys;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{FromRequest, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use choreography_core::{input::Verdict, store::DeferredStatus};
use choreography_postgres::DiscardError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{error, info};

use crate::runtime::{PostCommit, ServiceHandler, Wakes};

const PAGE: i64 = 100;

#[derive(Clone)]
pub(super) struct Admin {
    handler: Arc<ServiceHandler>,
    post_commit: PostCommit,
}

impl Admin {
    fn wakes(&self) -> &Wakes {
        &self.post_commit.wakes
    }
}

pub(super) fn routes(handler: Arc<ServiceHandler>, post_commit: PostCommit) -> Router {
    let routes = Router::new().merge(deferred_events::routes()).merge(dead_messages::routes());
    routes.merge(calls::routes()).merge(stopped_keys::routes()).with_state(Admin { handler, post_commit })
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: i64,
}

/// A page of a list.
fn listed<T: Serialize>(name: &'static str, found: sqlx::Result<Vec<T>>) -> Response {
    match found {
        Ok(rows) => Json(HashMap::from([(name, rows)])).into_response(),
        Err(error) => unavailable(&error),
    }
}

/// Why something is given up: the body of a discard, checked.
struct Reason(String);

impl<S: Send + Sync> FromRequest<S> for Reason {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            reason: String,
        }
        let Json(Body { reason }) = Json::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        check_reason(&reason).map_or(Ok(Self(reason)), Err)
    }
}

fn verdict_response<R>(number: i64, verdict: &Verdict<R>) -> Response {
    match verdict {
        Verdict::Applied(_) => {
            info!(number, "redriven");
            Json(json!({ "outcome": "applied" })).into_response()
        }
        Verdict::Repeat => Json(json!({ "outcome": "repeated: it had its effect before" })).into_response(),
        Verdict::Deferred(DeferredStatus::Parked) => {
            problem(StatusCode::CONFLICT, "refused again; see its error in /admin/deferred")
        }
        Verdict::Deferred(_) => {
            problem(StatusCode::ACCEPTED, "failed for a passing reason; it is tried again by itself")
        }
        Verdict::Gone => problem(
            StatusCode::CONFLICT,
            "an earlier event of its key is deferred (redrive or discard that first), or it was settled meanwhile",
        ),
        Verdict::Ignored => problem(StatusCode::CONFLICT, "this service does not handle its type"),
        Verdict::Dead => problem(StatusCode::CONFLICT, "its id is outside of the horizon by now"),
        Verdict::Refused(refusal) => problem(StatusCode::CONFLICT, &refusal.to_string()),
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
        Err(error) => unavailable(&error),
    }
}

fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

fn unavailable(error: &dyn std::fmt::Display) -> Response {
    error!(%error, "an admin request failed");
    problem(StatusCode::SERVICE_UNAVAILABLE, "the database could not do this; see the log, then try again")
}

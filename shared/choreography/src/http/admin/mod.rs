//! Admin routes: see what is deferred, dead or stopped, redrive or release it, or discard it with a reason; see which calls have no
//! answer, and settle them by hand.

mod calls;
mod dead_messages;
mod deferred_events;
mod payload;
mod stopped_keys;

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use choreography_core::{input::Verdict, store::DeferredStatus};
use choreography_postgres::DiscardError;
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    problem::{Problem, ProblemType},
    runtime::{PostCommit, ServiceHandler, Wakes},
};

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

pub(super) fn routes(handler: Arc<ServiceHandler>, post_commit: PostCommit) -> OpenApiRouter {
    let routes = OpenApiRouter::default().merge(deferred_events::routes()).merge(dead_messages::routes());
    routes.merge(calls::routes()).merge(stopped_keys::routes()).with_state(Admin { handler, post_commit })
}

/// Of a list.
const OF_LISTS: [ProblemType; 1] = [ProblemType::MALFORMED];
/// Of what one thing is asked for.
const OF_ONE: [ProblemType; 2] = [ProblemType::MALFORMED, ProblemType::NOT_FOUND];
/// Of a redrive.
const OF_REDRIVES: [ProblemType; 3] = [ProblemType::MALFORMED, ProblemType::NOT_FOUND, ProblemType::CONFLICT];
/// Of what takes a body.
const OF_BODIES: [ProblemType; 4] =
    [ProblemType::MALFORMED, ProblemType::NOT_FOUND, ProblemType::UNSUPPORTED_MEDIA_TYPE, ProblemType::INVALID_FIELD];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The last number of the page before.
    #[serde(default)]
    after: i64,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
struct Outcome {
    /// In a word, or a few.
    outcome: &'static str,
}

impl Outcome {
    fn is(outcome: &'static str) -> Json<Self> {
        Json(Self { outcome })
    }
}

/// Why something is given up: the body of a discard, checked.
struct Reason(String);

/// Why something is given up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason)]
struct ReasonBody {
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

impl<S: Send + Sync> FromRequest<S> for Reason {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Json::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let Json(ReasonBody { reason }) = body;
        check_reason(&reason).map_err(IntoResponse::into_response)?;
        Ok(Self(reason))
    }
}

/// What a redrive came to.
fn redriven<R>(number: i64, verdict: &Verdict<R>) -> Result<Response, Problem> {
    let conflict = |why: &str| Err(Problem::new(ProblemType::CONFLICT, why));
    match verdict {
        Verdict::Applied(_) => {
            info!(number, "redriven");
            Ok(Outcome::is("applied").into_response())
        }
        Verdict::Repeat => Ok(Outcome::is("repeated: it had its effect before").into_response()),
        Verdict::Deferred(DeferredStatus::Parked) => conflict("refused again; see its error in /admin/deferred"),
        Verdict::Deferred(_) => {
            let outcome = Outcome::is("deferred: it failed for a passing reason, and is tried again by itself");
            Ok((StatusCode::ACCEPTED, outcome).into_response())
        }
        Verdict::Gone => conflict(
            "an earlier event of its key is deferred (redrive or discard that first), or it was settled meanwhile",
        ),
        Verdict::Ignored => conflict("this service does not handle its type"),
        Verdict::Dead => conflict("its id is outside of the horizon by now"),
        Verdict::Refused(refusal) => conflict(&refusal.to_string()),
    }
}

fn check_reason(reason: &str) -> Result<(), Problem> {
    let good = !reason.trim().is_empty() && reason.len() <= 1_000;
    let why = "reason: say in 1 to 1000 bytes why this is given up";
    good.then_some(()).ok_or_else(|| Problem::field("reason", why))
}

fn discarded(number: i64, discarded: Result<(), DiscardError>) -> Result<Json<Outcome>, Problem> {
    match discarded {
        Ok(()) => {
            info!(number, "discarded");
            Ok(Outcome::is("discarded"))
        }
        Err(error @ DiscardError::NotParked(_)) => Err(Problem::new(ProblemType::NOT_FOUND, error)),
        Err(error) => Err(unavailable(&error)),
    }
}

fn not_there(what: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemType::NOT_FOUND, what)
}

fn unavailable(error: &dyn std::fmt::Display) -> Problem {
    error!(%error, "an admin request failed");
    Problem::new(ProblemType::UNAVAILABLE, "the database could not do this; see the log, then try again")
}

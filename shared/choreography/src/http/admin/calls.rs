//! External calls without an answer: listed, and settled by hand.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use choreography_core::{
    calls,
    event_id::Ids,
    handler::Progress,
    input::Verdict,
    participant::Answer,
    routes::AnyReply,
    store::{PendingCall, StoreError},
};
use choreography_postgres::{CallView, SettledView};
use serde::{Deserialize, Serialize};
use tracing::{error, warn};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Admin, OF_BODIES, OF_LISTS, OF_ONE, PAGE, Page, check_reason, not_there, unavailable};
use crate::problem::{Problem, ProblemType};

/// Longest name of the provider's for what was done, in characters.
const MAX_DETAIL: usize = 200;
/// What the rules, and so other services and customers, are told; the operator's own reason is for the books.
const NOT_DONE: &str = "not done, as an operator found";

pub(super) fn routes() -> OpenApiRouter<Admin> {
    let settling = Problem::refusing(routes!(settle_call), &OF_BODIES);
    OpenApiRouter::default()
        .routes(Problem::refusing(routes!(list_calls), &OF_LISTS))
        .routes(Problem::refusing(routes!(show_call), &OF_ONE))
        .routes(Problem::refusing(settling, &[ProblemType::CONFLICT]))
        .routes(Problem::refusing(routes!(list_settled), &OF_LISTS))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// The last id of the page before.
    #[serde(default)]
    after: Uuid,
}

/// A page of calls without an answer.
#[derive(Serialize, ToSchema)]
struct Calls {
    calls: Vec<CallView>,
}

/// A page of calls that were settled by hand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettledCalls {
    settled_calls: Vec<SettledView>,
}

/// What an operator found at the provider.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
enum Settlement {
    /// It was done; `detail` is what the provider calls it: a charge id, a tracking number.
    Done {
        #[schema(min_length = 1, max_length = 200)]
        detail: String,
        #[schema(min_length = 1, max_length = 1000)]
        reason: String,
    },
    /// It was not done, and certainly never will be.
    NotDone {
        #[schema(min_length = 1, max_length = 1000)]
        reason: String,
    },
}

/// The settlement counts.
#[derive(Serialize, ToSchema)]
struct Settled {
    #[schema(pattern = "^applied$")]
    outcome: &'static str,
    /// Its number among the settled calls.
    number: i64,
}

impl Settlement {
    fn reason(&self) -> &str {
        match self {
            Self::Done { reason, .. } | Self::NotDone { reason } => reason,
        }
    }

    fn check(&self) -> Result<(), Problem> {
        if let Self::Done { detail, .. } = self
            && (detail.trim().is_empty() || detail.chars().count() > MAX_DETAIL || detail.chars().any(char::is_control))
        {
            let why = format!("detail: give the provider's id of what was done, 1 to {MAX_DETAIL} characters");
            return Err(Problem::field("detail", why));
        }
        check_reason(self.reason())
    }

    fn answer(&self) -> Answer {
        match self {
            Self::Done { detail, .. } => Answer::Yes { detail: detail.clone() },
            Self::NotDone { .. } => Answer::No { reason: NOT_DONE.into() },
        }
    }
}

/// Lists external calls without an answer, 100 a page.
#[utoipa::path(get, path = "/calls", tag = "calls", params(After), responses((status = 200, body = Calls)))]
async fn list_calls(State(admin): State<Admin>, Query(page): Query<After>) -> Result<Json<Calls>, Problem> {
    let found = admin.handler.database.call_views(page.after, PAGE).await;
    found.map(|calls| Json(Calls { calls })).map_err(|error| unavailable(&error))
}

/// Shows one with its whole request.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(("id" = Uuid, Path)), responses((status = 200, body = CallView)))]
async fn show_call(State(admin): State<Admin>, Path(id): Path<Uuid>) -> Result<Json<CallView>, Problem> {
    let found = admin.handler.database.call_view(id).await.map_err(|error| unavailable(&error))?;
    found.map(Json).ok_or_else(|| not_open(id))
}

/// Lists what was settled by hand, 100 a page.
#[utoipa::path(get, path = "/settled-calls", tag = "calls", params(Page), responses((status = 200, body = SettledCalls)))]
async fn list_settled(State(admin): State<Admin>, Query(page): Query<Page>) -> Result<Json<SettledCalls>, Problem> {
    let found = admin.handler.database.settled_views(page.after, PAGE).await;
    found.map(|settled_calls| Json(SettledCalls { settled_calls })).map_err(|error| unavailable(&error))
}

/// States by hand what a call's answer is.
// The answer by hand is an input like the provider's own: whichever is first settles the call, under the same locks.
#[utoipa::path(post, path = "/calls/{id}/settle", tag = "calls", params(("id" = Uuid, Path)), request_body = Settlement, responses(
    (status = 200, body = Settled),
))]
async fn settle_call(
    State(admin): State<Admin>,
    Path(id): Path<Uuid>,
    Json(settlement): Json<Settlement>,
) -> Result<Json<Settled>, Problem> {
    settlement.check()?;
    let (database, answer) = (&admin.handler.database, settlement.answer());
    let open = database.open_call(id).await.map_err(|error| unavailable(&error))?;
    let call = open.ok_or_else(|| not_open(id))?;
    let written = database.write_settlement(id, &answer, settlement.reason()).await;
    let number = written.map_err(|error| unavailable(&error))?.ok_or_else(|| not_open(id))?;
    let settled = answered(&admin, &call, answer).await;
    let result = match &settled {
        Ok(verdict) => result(verdict),
        Err(error) => format!("failed: {error}"),
    };
    if let Err(error) = database.write_settled(number, &result).await {
        error!(%error, number, result, "what became of a call that was settled by hand could not be recorded");
    }
    let PendingCall { aggregate_id, step, .. } = call;
    warn!(aggregate_id, step, call = %id, number, result, reason = settlement.reason(), "a call was settled by hand");
    metrics::counter!("saga_calls_settled_by_hand_total", "step" => step).increment(1);
    match settled {
        Ok(Verdict::Applied(_)) => Ok(Json(Settled { outcome: "applied", number })),
        Ok(Verdict::Gone) => Err(not_open(id)),
        Ok(_) => Err(Problem::new(ProblemType::CONFLICT, result)),
        Err(error) => Err(unavailable(&error)),
    }
}

async fn answered(admin: &Admin, call: &PendingCall, answer: Answer) -> Result<Verdict<AnyReply>, StoreError> {
    let mut progress = Progress::new(1);
    let mut work = [calls::answered(call, answer)];
    let handled = admin.handler.handle_isolating(&mut Ids::new(), &mut work, &mut progress).await;
    admin.post_commit.of(&mut progress);
    handled?;
    Ok(progress.verdicts.into_iter().flatten().next().unwrap_or(Verdict::Gone))
}

fn result<R>(verdict: &Verdict<R>) -> String {
    match verdict {
        Verdict::Refused(refusal) => format!("refused: {refusal}"),
        verdict => verdict.name().to_owned(),
    }
}

fn not_open(id: Uuid) -> Problem {
    not_there(format!("no call {id} waits for an answer: it has one already, or was never made here"))
}

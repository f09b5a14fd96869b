//! External calls without an answer: listed, and settled by hand.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
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
use serde::Deserialize;
use serde_json::json;
use tracing::{error, warn};
use uuid::Uuid;

use super::{Admin, PAGE, Page, check_reason, listed, problem, unavailable};

/// Longest name of the provider's for what was done, in characters.
const MAX_DETAIL: usize = 200;
/// What the rules, and so other services and customers, are told; the operator's own reason is for the books.
const NOT_DONE: &str = "not done, as an operator found";

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/calls", get(list))
        .route("/calls/{id}", get(show))
        .route("/calls/{id}/settle", post(settle))
        .route("/settled-calls", get(list_settled))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: Uuid,
}

/// What an operator found at the provider.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
enum Settlement {
    /// It was done; `detail` is what the provider calls it: a charge id, a tracking number.
    Done { detail: String, reason: String },
    /// It was not done, and certainly never will be.
    NotDone { reason: String },
}

impl Settlement {
    fn reason(&self) -> &str {
        match self {
            Self::Done { reason, .. } | Self::NotDone { reason } => reason,
        }
    }

    fn refused(&self) -> Option<Response> {
        if let Self::Done { detail, .. } = self
            && (detail.trim().is_empty() || detail.chars().count() > MAX_DETAIL || detail.chars().any(char::is_control))
        {
            let why = format!("detail: give the provider's id of what was done, 1 to {MAX_DETAIL} characters");
            return Some(problem(StatusCode::UNPROCESSABLE_ENTITY, &why));
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

async fn list(State(admin): State<Admin>, Query(page): Query<After>) -> Response {
    listed("calls", admin.handler.database.call_views(page.after, PAGE).await)
}

async fn show(State(admin): State<Admin>, Path(id): Path<Uuid>) -> Response {
    match admin.handler.database.call_view(id).await {
        Ok(Some(call)) => Json(call).into_response(),
        Ok(None) => not_open(id),
        Err(error) => unavailable(&error),
    }
}

async fn list_settled(State(admin): State<Admin>, Query(page): Query<Page>) -> Response {
    listed("settledCalls", admin.handler.database.settled_views(page.after, PAGE).await)
}

/// The answer by hand is an input like the provider's own: whichever is first settles the call, under the same locks.
async fn settle(State(admin): State<Admin>, Path(id): Path<Uuid>, Json(settlement): Json<Settlement>) -> Response {
    if let Some(refused) = settlement.refused() {
        return refused;
    }
    let (database, answer) = (&admin.handler.database, settlement.answer());
    let (call, number) = match database.open_call(id).await {
        Ok(Some(call)) => match database.write_settlement(id, &answer, settlement.reason()).await {
            Ok(Some(number)) => (call, number),
            Ok(None) => return not_open(id),
            Err(error) => return unavailable(&error),
        },
        Ok(None) => return not_open(id),
        Err(error) => return unavailable(&error),
    };
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
        Ok(Verdict::Applied(_)) => Json(json!({ "outcome": "applied", "number": number })).into_response(),
        Ok(Verdict::Gone) => not_open(id),
        Ok(_) => problem(StatusCode::CONFLICT, &result),
        Err(error) => unavailable(&error),
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

fn not_open(id: Uuid) -> Response {
    problem(
        StatusCode::NOT_FOUND,
        &format!("no call {id} waits for an answer: it has one already, or was never made here"),
    )
}

//! Dead messages: listed, redriven, discarded.

use axum::{
    Json,
    extract::{Path, Query, State},
    response::Response,
};
use choreography_core::{
    event_id::Ids,
    handler::Progress,
    input::{Inbound, Verdict},
    reception,
};
use choreography_postgres::{DeadMessageView, Kept};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Admin, OF_BODIES, OF_LISTS, OF_ONE, OF_REDRIVES, Outcome, PAGE, Page, Reason, ReasonBody, discarded, not_there,
    payload::payload, redriven, unavailable,
};
use crate::problem::{Problem, ProblemType};

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(Problem::refusing(routes!(list_dead), &OF_LISTS))
        .routes(Problem::refusing(routes!(dead_payload), &OF_ONE))
        .routes(Problem::refusing(routes!(redrive_message), &OF_REDRIVES))
        .routes(Problem::refusing(routes!(discard_message), &OF_BODIES))
}

/// A page of dead messages.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeadMessages {
    dead_messages: Vec<DeadMessageView>,
}

/// Lists messages that are no event for this service, oldest first, 100 a page.
#[utoipa::path(get, path = "/dead-messages", tag = "dead messages", params(Page), responses((status = 200, body = DeadMessages)))]
async fn list_dead(State(admin): State<Admin>, Query(page): Query<Page>) -> Result<Json<DeadMessages>, Problem> {
    let found = admin.handler.database.dead_message_views(page.after, PAGE).await;
    found.map(|dead_messages| Json(DeadMessages { dead_messages })).map_err(|error| unavailable(&error))
}

/// Shows the bytes of one message as they arrived.
#[utoipa::path(get, path = "/dead-messages/{number}/payload", tag = "dead messages", params(("number" = i64, Path)), responses(
    (status = 200, body = [u8], content_type = "application/octet-stream"),
    (status = 204, description = "It has no payload."),
))]
async fn dead_payload(State(admin): State<Admin>, Path(number): Path<i64>) -> Result<Response, Problem> {
    payload(admin, Kept::Dead, number).await
}

/// Gives one up for good.
#[utoipa::path(post, path = "/dead-messages/{number}/discard", tag = "dead messages", params(("number" = i64, Path)), request_body = ReasonBody, responses(
    (status = 200, body = Outcome),
))]
async fn discard_message(
    State(admin): State<Admin>,
    Path(number): Path<i64>,
    Reason(reason): Reason,
) -> Result<Json<Outcome>, Problem> {
    discarded(number, admin.handler.database.discard_message(number, &reason).await)
}

/// Tries one again: it can be good for a newer version of this service.
#[utoipa::path(post, path = "/dead-messages/{number}/redrive", tag = "dead messages", params(("number" = i64, Path)), responses(
    (status = 200, description = "It had its effect, now or before.", body = Outcome),
    (status = 202, description = "It failed for a passing reason, and is tried again by itself.", body = Outcome),
))]
async fn redrive_message(State(admin): State<Admin>, Path(number): Path<i64>) -> Result<Response, Problem> {
    let conflict = |why: &str| Err(Problem::new(ProblemType::CONFLICT, why));
    let delivery = match admin.handler.database.dead_message(number).await {
        Ok(Some(delivery)) => delivery,
        Ok(None) => return Err(not_there(format!("no dead message {number} is kept"))),
        Err(error) => return Err(unavailable(&error)),
    };
    let inbound = match reception::receive(&*admin.handler.participant, delivery) {
        Inbound::Dead(_, failure) => return conflict(&failure.message),
        Inbound::Ignored(_) => return conflict("this service does not handle its type"),
        inbound => inbound,
    };
    let (mut ids, mut progress) = (Ids::new(), Progress::new(1));
    let handled = admin.handler.handle_isolating(&mut ids, &mut [inbound], &mut progress).await;
    handled.map_err(|error| unavailable(&error))?;
    admin.post_commit.of(&mut progress);
    match progress.verdicts.first().and_then(Option::as_ref) {
        Some(Verdict::Dead) | None => conflict("its id is outside of the horizon"),
        Some(verdict) => {
            let forgotten = admin.handler.database.discard_message(number, "redriven").await;
            if let Err(error) = forgotten {
                error!(%error, number, "redriven, but still listed as dead");
            }
            redriven(number, verdict)
        }
    }
}

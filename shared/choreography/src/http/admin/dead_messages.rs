//! Dead messages: listed, redriven, discarded.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use choreography_core::{
    event_id::Ids,
    handler::Progress,
    input::{Inbound, Verdict},
    reception,
};
use choreography_postgres::Kept;
use tracing::error;

use super::{
    Admin, PAGE, Page, Reason, discard_response, listed, payload::payload, problem, unavailable, verdict_response,
};

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/dead-messages", get(list_dead))
        .route("/dead-messages/{number}/payload", get(dead_payload))
        .route("/dead-messages/{number}/redrive", post(redrive_message))
        .route("/dead-messages/{number}/discard", post(discard_message))
}

async fn list_dead(State(admin): State<Admin>, Query(page): Query<Page>) -> Response {
    listed("deadMessages", admin.handler.database.dead_message_views(page.after, PAGE).await)
}

async fn dead_payload(State(admin): State<Admin>, Path(number): Path<i64>) -> Response {
    payload(admin, Kept::Dead, number).await
}

async fn discard_message(State(admin): State<Admin>, Path(number): Path<i64>, Reason(reason): Reason) -> Response {
    discard_response(number, admin.handler.database.discard_message(number, &reason).await)
}

/// A dead message can be good for a newer version of this service.
async fn redrive_message(State(admin): State<Admin>, Path(number): Path<i64>) -> Response {
    let delivery = match admin.handler.database.dead_message(number).await {
        Ok(Some(delivery)) => delivery,
        Ok(None) => return problem(StatusCode::NOT_FOUND, &format!("no dead message {number} is kept")),
        Err(error) => return unavailable(&error),
    };
    let inbound = match reception::receive(&*admin.handler.participant, delivery) {
        Inbound::Dead(_, failure) => return problem(StatusCode::CONFLICT, &failure.message),
        Inbound::Ignored(_) => return problem(StatusCode::CONFLICT, "this service does not handle its type"),
        inbound => inbound,
    };
    let (mut ids, mut progress) = (Ids::new(), Progress::new(1));
    match admin.handler.handle_isolating(&mut ids, &mut [inbound], &mut progress).await {
        Ok(()) => {
            admin.post_commit.of(&mut progress);
            match progress.verdicts.first().and_then(Option::as_ref) {
                Some(Verdict::Dead) | None => problem(StatusCode::CONFLICT, "its id is outside of the horizon"),
                Some(verdict) => {
                    let forgotten = admin.handler.database.discard_message(number, "redriven").await;
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

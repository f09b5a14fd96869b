//! `POST /customers/{userId}/erasure`: a customer's personal data is erased; `GET` says how far that is.

use api::Caller;
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use choreography::Problem;
use choreography_keys::{Erasure, KeyOwner, KeysError};
use chrono::{DateTime, Utc};
use contracts::check;
use serde::Serialize;
use tracing::error;

use super::Service;

pub fn routes() -> Router<Service> {
    Router::new().route("/customers/{user_id}/erasure", get(show).post(ask))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErasureView {
    user_id: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<DateTime<Utc>>,
    /// What it waits for.
    open_orders: i64,
}

/// `nothing`: there is no key. `kept`: there is one, and its erasure was not asked for. `waiting`: for open orders to end. `erased`: here;
/// the others have not been told yet. `published`: the topic of keys has it; the services follow, and Kafka compacts.
fn state(erasure: &Erasure) -> &'static str {
    match erasure {
        Erasure { asked_at: Some(_), .. } => "waiting",
        Erasure { has_key: true, .. } => "kept",
        Erasure { erased_at: None, .. } => "nothing",
        Erasure { is_published: false, .. } => "erased",
        Erasure { .. } => "published",
    }
}

async fn ask(
    State(context): State<Service>,
    Extension(keys): Extension<KeyOwner>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Response, Problem> {
    let user_id = allowed(&caller, user_id)?;
    let erasure = keys.erase(&context.pool, &user_id).await.map_err(unanswered)?;
    let status = if erasure.asked_at.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, view(user_id, &erasure)).into_response())
}

async fn show(
    State(context): State<Service>,
    Extension(keys): Extension<KeyOwner>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Json<ErasureView>, Problem> {
    let user_id = allowed(&caller, user_id)?;
    let erasure = keys.erasure(&context.pool, &user_id).await.map_err(unanswered)?;
    Ok(view(user_id, &erasure))
}

fn view(user_id: String, erasure: &Erasure) -> Json<ErasureView> {
    let Erasure { asked_at, erased_at, open_sagas: open_orders, .. } = *erasure;
    Json(ErasureView { user_id, state: state(erasure), asked_at, erased_at, open_orders })
}

fn allowed(caller: &Caller, user_id: String) -> Result<String, Problem> {
    check::user_id("userId", &user_id).map_err(|invalid| Problem::field("userId", invalid))?;
    if caller.may_act_for(&user_id) {
        return Ok(user_id);
    }
    Err(Problem {
        status: StatusCode::FORBIDDEN,
        error: "userId: the token's own subject alone, or the back office".into(),
        field: Some("userId".into()),
    })
}

fn unanswered(failed: KeysError) -> Problem {
    error!(error = %failed, "an erasure could not be looked at");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database did not answer; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_says_how_far_it_is() {
        let now = Some(DateTime::UNIX_EPOCH);
        let erased = Erasure { erased_at: now, ..Erasure::default() };
        assert_eq!(state(&Erasure::default()), "nothing");
        assert_eq!(state(&Erasure { has_key: true, ..erased.clone() }), "kept", "they ordered again");
        assert_eq!(state(&Erasure { asked_at: now, has_key: true, ..Erasure::default() }), "waiting");
        assert_eq!(state(&erased), "erased");
        assert_eq!(state(&Erasure { is_published: true, ..erased }), "published");
    }
}

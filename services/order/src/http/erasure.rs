//! `POST /customers/{userId}/erasure`: a customer's personal data is erased; `GET` says how far that is.

use api::Caller;
use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use choreography::{Problem, ProblemType};
use choreography_keys::{Erasure, KeysError};
use chrono::{DateTime, Utc};
use contracts::check;
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use super::{Service, problems, problems::FOREIGN};
use crate::customers::Customers;

pub fn routes() -> UtoipaMethodRouter<Service> {
    Problem::refusing(routes!(show, ask), &[ProblemType::MALFORMED, ProblemType::INVALID_PARAMETER, FOREIGN])
}

/// How far the erasure of a customer is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Erasure)]
struct ErasureView {
    user_id: String,
    #[serde(rename = "state")]
    stage: Stage,
    /// Since when it is wanted and not done yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    asked_at: Option<DateTime<Utc>>,
    /// When the key was erased, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    erased_at: Option<DateTime<Utc>>,
    /// Orders of theirs with an address that have not ended: it waits for them.
    open_orders: i64,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ErasureState)]
enum Stage {
    /// There is no key.
    Nothing,
    /// There is a key, and its erasure was not asked for.
    Kept,
    /// Open orders have to end first.
    Waiting,
    /// The key is gone here, and the others have not been told yet.
    Erased,
    /// The topic of keys has it: the services follow, and Kafka compacts.
    Published,
}

impl Stage {
    fn of(erasure: &Erasure) -> Self {
        match erasure {
            Erasure { asked_at: Some(_), .. } => Self::Waiting,
            Erasure { has_key: true, .. } => Self::Kept,
            Erasure { erased_at: None, .. } => Self::Nothing,
            Erasure { is_published: false, .. } => Self::Erased,
            Erasure { .. } => Self::Published,
        }
    }
}

/// Asks for the erasure of a customer's personal data.
///
/// It is done once none of their orders with an address is open. Until then no new order of theirs with an address is taken.
#[utoipa::path(post, path = "/customers/{user_id}/erasure", operation_id = "eraseCustomer", params(
    ("user_id" = String, Path, min_length = 1, max_length = 128),
), responses(
    (status = 200, description = "It is done.", body = ErasureView),
    (status = 202, description = "It waits for open orders to end.", body = ErasureView),
))]
async fn ask(
    State(context): State<Service>,
    Extension(customers): Extension<Customers>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Response, Problem> {
    let user_id = allowed(&caller, user_id)?;
    let erasure = customers.keys.erase(&context.pool, &user_id).await.map_err(unanswered)?;
    let status = if erasure.asked_at.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, view(user_id, &erasure)).into_response())
}

/// Shows how far the erasure of a customer's personal data is.
#[utoipa::path(get, path = "/customers/{user_id}/erasure", operation_id = "erasure", params(
    ("user_id" = String, Path, min_length = 1, max_length = 128),
), responses((status = 200, body = ErasureView)))]
async fn show(
    State(context): State<Service>,
    Extension(customers): Extension<Customers>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Json<ErasureView>, Problem> {
    let user_id = allowed(&caller, user_id)?;
    let erasure = customers.keys.erasure(&context.pool, &user_id).await.map_err(unanswered)?;
    Ok(view(user_id, &erasure))
}

fn view(user_id: String, erasure: &Erasure) -> Json<ErasureView> {
    let Erasure { asked_at, erased_at, open_sagas: open_orders, .. } = *erasure;
    Json(ErasureView { user_id, stage: Stage::of(erasure), asked_at, erased_at, open_orders })
}

fn allowed(caller: &Caller, user_id: String) -> Result<String, Problem> {
    check::user_id("userId", &user_id).map_err(|wrong| Problem::parameter("userId", wrong))?;
    if caller.may_act_for(&user_id) {
        return Ok(user_id);
    }
    Err(problems::foreign("userId: a customer can have themselves erased only; the back office can have anyone"))
}

fn unanswered(failed: KeysError) -> Problem {
    error!(error = %failed, "an erasure could not be looked at");
    Problem::new(ProblemType::UNAVAILABLE, "the database did not answer; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_says_how_far_it_is() {
        let now = Some(DateTime::UNIX_EPOCH);
        let erased = Erasure { erased_at: now, ..Erasure::default() };
        assert_eq!(Stage::of(&Erasure::default()), Stage::Nothing);
        assert_eq!(Stage::of(&Erasure { has_key: true, ..erased.clone() }), Stage::Kept, "they ordered again");
        assert_eq!(Stage::of(&Erasure { asked_at: now, has_key: true, ..Erasure::default() }), Stage::Waiting);
        assert_eq!(Stage::of(&erased), Stage::Erased);
        assert_eq!(Stage::of(&Erasure { is_published: true, ..erased }), Stage::Published);
    }
}

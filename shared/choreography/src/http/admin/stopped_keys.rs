//! Admin routes for keys that stopped because Kafka refuses their next message: see them, try again, or give the message up.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use choreography_core::relay::Lane;
use choreography_postgres::StoppedView;
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Admin, OF_BODIES, OF_LISTS, OF_ONE, Outcome, PAGE, Page, Reason, ReasonBody, not_there, unavailable};
use crate::problem::{Problem, ProblemType};

/// Of the release of a topic.
const OF_TOPICS: [ProblemType; 3] =
    [ProblemType::MALFORMED, ProblemType::UNSUPPORTED_MEDIA_TYPE, ProblemType::INVALID_FIELD];

pub(super) fn routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(Problem::refusing(routes!(list_stopped), &OF_LISTS))
        .routes(Problem::refusing(routes!(release_topic), &OF_TOPICS))
        .routes(Problem::refusing(routes!(release_key), &OF_ONE))
        .routes(Problem::refusing(routes!(discard_key), &OF_BODIES))
}

/// A page of stopped keys.
#[derive(Serialize, ToSchema)]
struct StoppedKeys {
    stopped: Vec<StoppedView>,
}

/// The topic whose keys go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Topic {
    topic: String,
}

/// How many keys go on.
#[derive(Serialize, ToSchema)]
struct Released {
    #[schema(pattern = "^released$")]
    outcome: &'static str,
    keys: u64,
}

/// Lists keys whose next message Kafka refuses, 100 a page.
#[utoipa::path(get, path = "/stopped", tag = "stopped keys", params(Page), responses((status = 200, body = StoppedKeys)))]
async fn list_stopped(State(admin): State<Admin>, Query(page): Query<Page>) -> Result<Json<StoppedKeys>, Problem> {
    let found = admin.handler.database.stopped_views(page.after, PAGE).await;
    found.map(|stopped| Json(StoppedKeys { stopped })).map_err(|error| unavailable(&error))
}

/// Sends one again.
#[utoipa::path(post, path = "/stopped/{number}/release", tag = "stopped keys", params(("number" = i64, Path)), responses(
    (status = 200, body = Outcome),
))]
async fn release_key(State(admin): State<Admin>, Path(number): Path<i64>) -> Result<Json<Outcome>, Problem> {
    let released = admin.handler.database.release_key(number).await;
    settled(&admin, number, released, "released")
}

/// Sends all again that stopped on a topic: for the time after its limit was raised.
#[utoipa::path(post, path = "/stopped/release", tag = "stopped keys", request_body = Topic, responses(
    (status = 200, body = Released),
))]
async fn release_topic(
    State(admin): State<Admin>,
    Json(Topic { topic }): Json<Topic>,
) -> Result<Json<Released>, Problem> {
    let keys = admin.handler.database.release_topic(&topic).await.map_err(|error| unavailable(&error))?;
    info!(topic, released = keys, "stopped keys released");
    wake(&admin);
    Ok(Json(Released { outcome: "released", keys }))
}

/// Gives the message up; those behind it go on.
#[utoipa::path(post, path = "/stopped/{number}/discard", tag = "stopped keys", params(("number" = i64, Path)), request_body = ReasonBody, responses(
    (status = 200, body = Outcome),
))]
async fn discard_key(
    State(admin): State<Admin>,
    Path(number): Path<i64>,
    Reason(reason): Reason,
) -> Result<Json<Outcome>, Problem> {
    let discarded = admin.handler.database.discard_refused(number, &reason).await;
    settled(&admin, number, discarded, "discarded")
}

fn settled(
    admin: &Admin,
    number: i64,
    done: sqlx::Result<bool>,
    outcome: &'static str,
) -> Result<Json<Outcome>, Problem> {
    if !done.map_err(|error| unavailable(&error))? {
        return Err(not_there(format!("no key stopped at message {number}")));
    }
    info!(number, outcome, "a stopped key goes on");
    wake(admin);
    Ok(Outcome::is(outcome))
}

fn wake(admin: &Admin) {
    Lane::ALL.into_iter().for_each(|lane| admin.post_commit.look_into_the_table(lane));
    admin.wakes().elsewhere.notify_one();
}

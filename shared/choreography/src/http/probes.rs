//! `/livez`: do the loops move. `/readyz`: may work be sent here.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    health::Health,
    problem::{Problem, ProblemType},
};

/// It is alive but can't work now, or its loops stand still.
const NOT_WELL: [ProblemType; 1] = [ProblemType::UNAVAILABLE];

pub(super) fn routes(health: Health) -> OpenApiRouter {
    let probes = OpenApiRouter::default()
        .routes(Problem::refusing(routes!(live), &NOT_WELL))
        .routes(Problem::refusing(routes!(ready), &NOT_WELL));
    probes.with_state(health)
}

/// Do the service's loops move?
#[utoipa::path(get, path = "/livez", tag = "probes", responses((status = 200, description = "They do.", body = String, content_type = "text/plain")))]
async fn live(State(health): State<Health>) -> Result<String, Problem> {
    match health.progress.stalled() {
        None => Ok("alive\n".into()),
        Some(stalled) => Err(Problem::new(ProblemType::UNAVAILABLE, stalled)),
    }
}

/// May work be sent to this replica?
#[utoipa::path(get, path = "/readyz", tag = "probes", responses((status = 200, description = "It may.", body = String, content_type = "text/plain")))]
async fn ready(State(health): State<Health>) -> Result<String, Problem> {
    let ready = health.readiness().await.map_err(|why| Problem::new(ProblemType::UNAVAILABLE, why))?;
    Ok(format!("{ready}\n"))
}

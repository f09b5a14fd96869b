//! Whether the sandbox is well.

use std::time::Duration;

use axum::extract::State;
use choreography::{Problem, ProblemType};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn routes() -> OpenApiRouter<App> {
    let not_now = [ProblemType::UNAVAILABLE];
    OpenApiRouter::default().routes(routes!(live)).routes(Problem::refusing(routes!(ready), &not_now))
}

/// Does the process answer?
#[utoipa::path(get, path = "/livez", tag = "probes", responses((status = 200, body = String, content_type = "text/plain")))]
async fn live() -> &'static str {
    "alive\n"
}

/// May calls be sent here?
#[utoipa::path(get, path = "/readyz", tag = "probes", responses((status = 200, body = String, content_type = "text/plain")))]
async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.stopping.is_cancelled() {
        return Err(Problem::new(ProblemType::UNAVAILABLE, "ending"));
    }
    let asked = sqlx::query("SELECT 1").execute(&app.pool);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(_)) | Err(_) => Err(Problem::new(ProblemType::UNAVAILABLE, "the ledger's database does not answer")),
    }
}

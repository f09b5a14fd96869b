//! `/livez`: do the loops move. `/readyz`: may work be sent here.

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::health::Health;

pub(super) fn routes(health: Health) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(health)
}

async fn live(State(health): State<Health>) -> (StatusCode, String) {
    match health.progress.stalled() {
        None => (StatusCode::OK, "alive\n".into()),
        Some(stalled) => (StatusCode::SERVICE_UNAVAILABLE, format!("{stalled}\n")),
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.readiness().await {
        Ok(ready) => (StatusCode::OK, format!("{ready}\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

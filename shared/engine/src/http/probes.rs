//! `/livez`, `/readyz`.

use std::sync::{Arc, atomic::Ordering};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tracing::warn;

use crate::{postgres::Pool, runtime::ConsumerState};

/// What readiness depends on.
#[derive(Clone)]
pub struct Health {
    pub pool: Pool,
    pub consumer: Arc<ConsumerState>,
}

pub(super) fn routes(health: Health) -> Router {
    Router::new().route("/livez", get(|| async { "alive\n" })).route("/readyz", get(ready)).with_state(health)
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    if let Err(error) = sqlx::query("SELECT 1").execute(&health.pool).await {
        // Anybody may ask here; names of roles and hosts are for the log.
        warn!(%error, "not ready: the database does not answer");
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".into());
    }
    if !health.consumer.well.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the consumer has no access to Kafka or its database yet\n".into());
    }
    let kafka = health.consumer.kafka.snapshot();
    if let Some(problem) = kafka.problem() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n"));
    }
    (StatusCode::OK, format!("ready, with {}\n", kafka.standing()))
}

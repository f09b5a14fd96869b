//! `/livez`, `/readyz`, `/metrics`.

use std::sync::{Arc, OnceLock, atomic::Ordering};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sqlx::PgPool;

use crate::runtime::ConsumerState;

/// What readiness depends on.
#[derive(Clone)]
pub struct Health {
    pub pool: PgPool,
    pub consumer: Arc<ConsumerState>,
}

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

pub(super) fn routes(health: Health) -> Router {
    start_metrics();
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

fn start_metrics() {
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("seconds".into()), &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0])
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("size".into()), &[1.0, 5.0, 20.0, 100.0, 500.0, 2_000.0])
            })
            .map(PrometheusBuilder::build_recorder);
        // The buckets above are constants that are not empty.
        let recorder = recorder.expect("metric buckets");
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is in place; /metrics stays empty");
        }
        handle
    });
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    if let Err(error) = sqlx::query("SELECT 1").execute(&health.pool).await {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("the database does not answer: {error}\n"));
    }
    if !health.consumer.well.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the consumer has no access to Kafka or its database yet\n".into());
    }
    (StatusCode::OK, format!("ready, with {} partitions\n", health.consumer.partitions.load(Ordering::Relaxed)))
}

async fn metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

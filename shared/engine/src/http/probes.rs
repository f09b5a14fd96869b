//! `/livez`, `/readyz`, `/metrics`.

use std::{
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use sqlx::PgPool;

use crate::runtime::ConsumerState;

/// What readiness depends on.
#[derive(Clone)]
pub struct Health {
    pub pool: PgPool,
    pub consumer: Arc<ConsumerState>,
}

/// Several times the interval in which gauges are set.
const GAUGES_LAST: Duration = Duration::from_secs(60);
const SAGA_SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3_600.0];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

pub(super) fn routes(health: Health) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Metrics are kept from here on; what was counted before is lost.
pub(crate) fn start_metrics() {
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            // A gauge that nobody sets any more, as the lag of a partition that moved, would tell of the past for ever.
            .idle_timeout(MetricKindMask::GAUGE, Some(GAUGES_LAST))
            .set_buckets_for_metric(Matcher::Full("saga_duration_seconds".into()), &SAGA_SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(
                    Matcher::Suffix("seconds".into()),
                    &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0],
                )
            })
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

//! In place of the traces' export in a build without it. Events, rows and calls carry their trace contexts all the same.

use std::env;

use tracing::warn;

pub struct Traces;

impl Traces {
    pub fn start(_: &'static str, _: String) -> Self {
        if env::var("OTEL_EXPORTER_OTLP_ENDPOINT").is_ok() {
            warn!("OTEL_EXPORTER_OTLP_ENDPOINT is set, but this program was built without the feature otlp: no traces");
        }
        Self
    }

    pub async fn stop(self) {}
}

//! Traces to a collector by OTLP over gRPC, set up by OpenTelemetry's own variables
//! (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).

use std::{env, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter as Export},
};
use tracing::{info, warn};

use choreography_core::spans;

const SHUTDOWN: Duration = Duration::from_secs(5);
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The export of this process's spans. Spans wait in a bounded queue; when it is full they are dropped, and a collector
/// that is away or slow costs a warning.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Exports where an `OTEL_EXPORTER_OTLP_ENDPOINT` is set and `OTEL_SDK_DISABLED` is not `true`. Call it on a tokio
    /// runtime, which then carries the connection.
    pub fn start(service: &'static str, instance: String) -> Self {
        let disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let Some(endpoint) = ENDPOINTS.iter().find_map(|name| env::var(name).ok().filter(|url| !url.is_empty())) else {
            return Self(None);
        };
        if disabled {
            return Self(None);
        }
        let exporter = match SpanExporter::builder().with_tonic().build() {
            Ok(exporter) => exporter,
            Err(error) => {
                warn!(%error, endpoint, "no traces: the exporter could not be made; check OTEL_EXPORTER_OTLP_ENDPOINT");
                return Self(None);
            }
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(WithoutDiscarded(exporter))
            .with_resource(resource(service, instance))
            .build();
        // Without a parent-based sampler each span is decided on alone.
        let parent_decides = env::var("OTEL_TRACES_SAMPLER").map_or(true, |name| name.starts_with("parentbased"));
        spans::enable(provider.tracer("saga-engine"), parent_decides);
        info!(endpoint, "spans are exported");
        Self(Some(provider))
    }

    /// Exports what waits, for a bounded time.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It blocks.
        match tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(SHUTDOWN)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the last spans were not exported"),
            Err(error) => warn!(%error, "the last spans were not exported"),
        }
    }
}

/// Exports all spans but those of what was done anew.
#[derive(Debug)]
struct WithoutDiscarded(SpanExporter);

impl Export for WithoutDiscarded {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.export(batch.into_iter().filter(is_kept).collect())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn is_kept(span: &SpanData) -> bool {
    span.attributes.iter().all(|attribute| attribute.key.as_str() != spans::DISCARDED)
}

/// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` overrule.
fn resource(service: &'static str, instance: String) -> Resource {
    let named = env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty());
    let builder = Resource::builder().with_attribute(KeyValue::new("service.instance.id", instance));
    if named { builder.build() } else { builder.with_service_name(service).build() }
}

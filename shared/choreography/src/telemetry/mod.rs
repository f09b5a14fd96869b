//! Logs, metrics and traces of a service, from its start to its end.

#[cfg(feature = "otlp")]
mod export;
mod logs;
#[cfg(feature = "prometheus")]
mod metrics;
mod one_line;
#[cfg(not(feature = "otlp"))]
mod without_export;
#[cfg(not(feature = "prometheus"))]
mod without_metrics;

#[cfg(feature = "otlp")]
pub use export::Traces;
pub use logs::start as start_logs;
#[cfg(all(feature = "http", feature = "prometheus"))]
pub(crate) use metrics::render as metrics;
#[cfg(feature = "prometheus")]
pub(crate) use metrics::{fold as fold_metrics, start as start_metrics};
#[cfg(not(feature = "otlp"))]
pub use without_export::Traces;
#[cfg(all(feature = "http", not(feature = "prometheus")))]
pub(crate) use without_metrics::render as metrics;
#[cfg(not(feature = "prometheus"))]
pub(crate) use without_metrics::{fold as fold_metrics, start as start_metrics};

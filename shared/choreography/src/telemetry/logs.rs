//! Logs: one event per line, human-readable or JSON.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::one_line::OneLine;
use crate::settings::LogFormat;

/// Starts logging; `RUST_LOG` selects what (default `info`). A second start changes nothing.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,librdkafka=warn,rdkafka=warn,sqlx=warn,opentelemetry=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_ansi(false).with_writer(|| OneLine::new(std::io::stdout()))).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().flatten_event(true)).try_init(),
    };
    if let Err(error) = started {
        eprintln!("logging was started before: {error}");
    }
}
